/**
 * Downloads and uploads under a limit. What may be asked for is shared among the peers and web seeds in turns, so that what arrives keeps to the limit
 * without a byte being left waiting in a socket; what is sent waits for its turn. Without a limit this does nothing.
 */
import * as Arr from "effect/Array";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import { BLOCK_LENGTH } from "../schema/block.ts";
import { Bandwidth, type Bucket } from "../services/Bandwidth.ts";
import type { Connection } from "../services/Transport/Transport.ts";
import { Swarm } from "./Swarm.ts";
import { monotonicMillis } from "../services/time.ts";

/** The same connection, whose `send` waits for its turn in `bucket`: by pairs of chunks, so that no peer holds it for long. */
export const paced = (connection: Connection, bucket: Bucket): Connection => ({
  ...connection,
  send: (chunks) => {
    if (!bucket.limited()) return connection.send(chunks);
    const pairs = Arr.chunksOf(chunks, 2);
    return Effect.forEach(
      pairs,
      (pair) => Effect.andThen(bucket.take(pair.reduce((sum, { length }) => sum + length, 0)), connection.send(pair)),
      { discard: true },
    );
  },
});

/** Between two rounds, in milliseconds: the longest, and the shortest. */
const ROUND = { most: 50, least: 2 };
/** Bytes that a limit lets through between two rounds: half of the shortest queue of a peer, which a near one has answered long before the next round. */
const BETWEEN_ROUNDS = 8 * BLOCK_LENGTH;
/** Between two looks whether there is a limit now, in milliseconds. */
const LOOK = 500;
/** Bytes that one peer may ask for in one turn. */
const TURN = 4 * BLOCK_LENGTH;

/** Gives turns to the members for as long as it runs. */
export const pacing: Effect.Effect<never, never, Swarm | Bandwidth> = Effect.gen(function* () {
  const swarm = yield* Swarm;
  const { download } = yield* Bandwidth;
  const clock = yield* Clock.Clock;
  let turn = 0;

  /** Turns in order, begun where the last round ended, until the limit is reached or nobody asks for more: one fast peer may have all of it. */
  const round = (): void => {
    const now = monotonicMillis(clock);
    const askers = [...swarm.members, ...swarm.askers];
    for (let silent = 0; silent < askers.length;) {
      const room = Math.min(download.available(), TURN);
      if (room < BLOCK_LENGTH) return;
      const asked = askers[turn++ % askers.length]?.refill(now, room) ?? 0;
      download.spend(asked);
      silent = asked === 0 ? silent + 1 : 0;
    }
  };

  return yield* Effect.forever(
    Effect.suspend(() => {
      const limit = download.limit();
      if (limit === undefined) return Effect.sleep(LOOK);
      round();
      return Effect.sleep(Math.max(ROUND.least, Math.min((BETWEEN_ROUNDS * 1000) / limit, ROUND.most)));
    }),
  );
});
