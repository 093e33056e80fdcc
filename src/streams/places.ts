/**
 * The places for connections of one download: as many as the user allows. When all are taken, somebody of no use may have to make room (BEP 40): often for
 * peers that came, as they are there; now and then for those that we would have to find out about.
 *
 * State: a semaphore, and when somebody last made room.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type * as NetAddress from "effect/net/NetAddress";
import * as Semaphore from "effect/Semaphore";
import { replaceable } from "./replacing.ts";
import type { SwarmState } from "./Swarm.ts";
import { monotonicMillis } from "../services/time.ts";

/** Between two peers that make room for some that came, in milliseconds: nobody turns us over by coming often. It is also as long as one takes to go. */
const COMING_PACE = 1_000;
/** The same for one that is to be dialled. */
const DIALLING_PACE = 30_000;

/** Places; each one taken is to be freed. */
export interface Places {
  /** Waits for a place for a peer that is to be dialled. */
  readonly take: (remote: NetAddress.InetAddress) => Effect.Effect<void>;
  /** A place for a peer that came; false when there is none for it. */
  readonly takeForComing: (remote: NetAddress.InetAddress) => Effect.Effect<boolean>;
  /** A place that nobody has; false when there is none. */
  readonly takeFree: Effect.Effect<boolean>;
  readonly free: Effect.Effect<void>;
}

/** All places free. */
export const makePlaces = Effect.fnUntraced(function* (
  count: number,
  swarm: Pick<SwarmState, "members" | "vantage">,
): Effect.fn.Return<Places> {
  const places = yield* Semaphore.make(count);
  const clock = yield* Clock.Clock;
  const takeFree = Semaphore.takeIfAvailable(places, 1);
  let replacedAt = -Infinity;

  const makeRoom = (remote: NetAddress.InetAddress, pace: number): boolean => {
    const now = monotonicMillis(clock);
    if (now - replacedAt < pace) return false;
    const leaving = replaceable(swarm.members, remote, { vantage: swarm.vantage, now });
    if (leaving === undefined) return false;
    replacedAt = now;
    leaving.part({ _tag: "Full" });
    return true;
  };
  /** A place that is had at the very end of the time is had, too. */
  const takeWithin = (millis: number): Effect.Effect<boolean> =>
    Effect.suspend(() => {
      let had = false;
      const note = Effect.sync(() => {
        had = true;
      });
      const taking = Effect.uninterruptibleMask((restore) => Effect.andThen(restore(Semaphore.take(places, 1)), note));
      return Effect.map(Effect.timeoutOption(taking, millis), () => had);
    });
  const take = (remote: NetAddress.InetAddress): Effect.Effect<void> =>
    Effect.flatMap(takeFree, (had) => {
      if (had) return Effect.void;
      makeRoom(remote, DIALLING_PACE);
      return Effect.flatMap(takeWithin(DIALLING_PACE), (had) => (had ? Effect.void : take(remote)));
    });

  return {
    take,
    takeForComing: Effect.fnUntraced(function* (remote: NetAddress.InetAddress) {
      if (yield* takeFree) return true;
      return makeRoom(remote, COMING_PACE) ? yield* takeWithin(COMING_PACE) : false;
    }),
    takeFree,
    free: Effect.asVoid(Semaphore.release(places, 1)),
  };
});
