/** Whom of the connected peers we serve: carries out what the choker decides, each round and whenever a peer becomes interested. */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import { PeerSettings } from "../schema/settings.ts";
import { Choker } from "../services/Choker/Choker.ts";
import { monotonicMillis } from "./time.ts";
import { Swarm, type SwarmState } from "./Swarm.ts";

/** Asks the choker and tells the members. */
const applyRound = (
  swarm: SwarmState,
  choker: Choker["Service"],
  round: { now: number; slots: number; interval: number; rotate: boolean },
): void => {
  const standings = [...swarm.members].map((member) => ({
    id: member.serial,
    interested: member.wants(),
    choked: member.choked(),
    since: member.chokedSince(),
    downloadRate: member.downloadRate(round.now),
  }));
  const unchoked = choker.decide(standings, round);
  for (const member of [...swarm.members]) member.setChoked(!unchoked.has(member.serial), round.now);
};

/** Keeps the slots filled for as long as it runs. */
export const chokeRounds: Effect.Effect<never, never, Swarm | Choker> = Effect.gen(function* () {
  const swarm = yield* Swarm;
  const choker = yield* Choker;
  const clock = yield* Clock.Clock;
  const { uploadSlots, chokeInterval } = yield* PeerSettings;
  const round = (rotate: boolean): void =>
    applyRound(swarm, choker, { now: monotonicMillis(clock), slots: uploadSlots, interval: chokeInterval, rotate });
  swarm.onInterested(() => round(false));
  return yield* Effect.forever(
    Effect.andThen(
      Effect.sleep(chokeInterval),
      Effect.sync(() => round(true)),
    ),
  );
});

/** The members' timers, twice a second for as long as it runs. */
export const ticks: Effect.Effect<never, never, Swarm> = Effect.gen(function* () {
  const swarm = yield* Swarm;
  const clock = yield* Clock.Clock;
  return yield* Effect.forever(
    Effect.andThen(
      Effect.sleep(TICK),
      Effect.sync(() => {
        const now = monotonicMillis(clock);
        swarm.metadata.tick(now);
        for (const member of [...swarm.members]) member.tick(now);
      }),
    ),
  );
});

/** Between two ticks, in milliseconds. */
const TICK = 500;
