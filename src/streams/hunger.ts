/** When a download is short of peers: then trackers are asked again as soon as they allow it, and not otherwise. */
import * as Effect from "effect/Effect";
import * as Latch from "effect/Latch";
import type { Candidates } from "./candidates.ts";
import type { SwarmState } from "./Swarm.ts";

/** Between two looks, in milliseconds. */
const INTERVAL = 1_000;

/** Opens `hungry` while something is missing, fewer than half of `maxPeers` are connected and there is nobody left to dial, for as long as it runs. */
export const watchHunger = (options: {
  readonly hungry: Latch.Latch;
  readonly swarm: SwarmState;
  readonly candidates: Candidates;
  readonly maxPeers: number;
}): Effect.Effect<never> => {
  const { hungry, swarm, candidates, maxPeers } = options;
  const look = Effect.sync(() => {
    const complete = swarm.torrent()?.table.missing() === 0;
    if (!complete && swarm.members.size * 2 < maxPeers && candidates.isExhausted()) Latch.openUnsafe(hungry);
    else Latch.closeUnsafe(hungry);
  });
  return Effect.forever(Effect.andThen(look, Effect.sleep(INTERVAL)));
};
