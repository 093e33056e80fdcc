/**
 * Whether the files that a run wrote to are still where they were: an open file takes writes for ever after it was deleted, and nothing but a look at
 * its name tells. How far each was written, in this closure, is what it must at least be long.
 */
import * as Effect from "effect/Effect";
import { DiskFault } from "./errno.ts";
import type { Handles } from "./filesHandles.ts";
import * as System from "./filesSystem.ts";

/** Files looked at each time, so that a look costs a few milliseconds whatever the torrent; of more, others the next time. */
const LOOKS = 256;

/** Calls under way at once; Node's pool has 4 threads. */
const CALLS = 8;

/** That a file is not where it was, or not all of it. */
export const missing = (path: string): DiskFault => new DiskFault({ code: "ENOENT", path, cause: undefined });

/** The looks at one output. */
export interface Intact {
  /** Bytes of a slot were written up to a position in its file. */
  readonly wrote: (slot: number, end: number) => void;
  /** Looks; fails with what is missing. */
  readonly look: Effect.Effect<void, DiskFault>;
}

/** Looks at the files of so many slots, which `pathOf` names. */
export const make = (slots: number, pathOf: (slot: number) => string, handles: Handles): Intact => {
  const ends = new Float64Array(slots);
  /** Slots written to, in the order of their first write. */
  const written: Array<number> = [];
  let next = 0;

  const lookAt = (slot: number): Effect.Effect<void, DiskFault> =>
    Effect.gen(function* () {
      const path = pathOf(slot);
      // Taken before the look: what is written meanwhile may not be seen by it.
      const end = ends[slot] ?? 0;
      const stats = yield* System.stat(path);
      if (stats.size < end) return yield* missing(path);
      const handle = handles.take(slot, false);
      if (handle === undefined) return;
      const open = yield* Effect.ensuring(
        System.fstat(path, handle.fd),
        Effect.sync(() => handles.release(handle)),
      );
      // Another file has its name. Numbers of inodes are not compared: some network file systems give them anew at each look.
      if (open.nlink === 0) return yield* missing(path);
    });

  return {
    wrote: (slot, end) => {
      const before = ends[slot] ?? 0;
      if (before === 0 && end > 0) written.push(slot);
      if (end > before) ends[slot] = end;
    },
    look: Effect.suspend(() => {
      const count = Math.min(LOOKS, written.length);
      const turn = Array.from({ length: count }, (_, index) => written[(next + index) % written.length] ?? 0);
      next = (next + count) % Math.max(1, written.length);
      return Effect.forEach(turn, lookAt, { concurrency: CALLS, discard: true });
    }),
  };
};
