/**
 * What is left of a session once nothing is to be fetched any more: sharing, until enough was sent or it has lasted long enough. The serving itself is
 * the conversations' business.
 */
import * as Effect from "effect/Effect";
import type { Disk } from "./disk.ts";
import type { DownloadRequest } from "./request.ts";

/** Between two looks at what was sent, in milliseconds. */
const LOOK = 500;

/** Ends when one of the request's goals is reached; never without any. */
export const share = (request: DownloadRequest, disk: Pick<Disk, "ratio">): Effect.Effect<void> => {
  const { seedRatio, seedTime } = request;
  const enough: Effect.Effect<void> = Effect.suspend(() =>
    seedRatio !== undefined && disk.ratio() >= seedRatio ? Effect.void : Effect.andThen(Effect.sleep(LOOK), enough),
  );
  return Effect.raceFirst(
    seedRatio === undefined ? Effect.never : enough,
    seedTime === undefined ? Effect.never : Effect.sleep(seedTime),
  );
};
