/**
 * What becomes of a magnet's metadata when peers have sent it. How it is fetched is metadata.ts's, whether it is right identity.ts's.
 */
import * as Clock from "effect/Clock";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import { monotonicMillis } from "../services/time.ts";
import type { Discovery } from "./discovery.ts";
import type { Disk } from "./disk.ts";
import type { Identity } from "./identity.ts";
import { Swarm } from "./Swarm.ts";

/** Where metadata comes from and who is told of it. */
export interface LearningOptions {
  readonly identity: Pick<Identity, "learn">;
  readonly discovery: Pick<Discovery, "learned">;
  /** The info dictionary, once it is there. */
  readonly arrived: Deferred.Deferred<Uint8Array>;
}

/** For the content: the disk is prepared and the peers are told; then the progress is recorded. */
export const learnContent = Effect.fnUntraced(function* (
  { identity, discovery, arrived }: LearningOptions,
  disk: Pick<Disk, "prepare">,
) {
  const swarm = yield* Swarm;
  const info = yield* identity.learn(yield* Deferred.await(arrived));
  discovery.learned(info.private, swarm);
  const { record, torrent } = yield* disk.prepare(info);
  swarm.attach(torrent, monotonicMillis(yield* Clock.Clock));
  return yield* record;
});

/** For its own sake: nobody is told more of us, and a private torrent is left by whom it must not have (BEP 27). */
export const learnAlone = Effect.fnUntraced(function* ({ identity, discovery, arrived }: LearningOptions) {
  const info = yield* identity.learn(yield* Deferred.await(arrived));
  if (info.private) discovery.learned(true, yield* Swarm);
  return info;
});
