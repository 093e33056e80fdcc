/**
 * The hot path of a storage: bytes between memory and open files, all of a piece in one effect with one callback, in however many files it lies. Nothing is
 * opened here, and a move that has begun cannot be interrupted.
 */
import * as Effect from "effect/Effect";
import * as Fs from "node:fs";
import { DiskFault, fault } from "./errno.ts";
import type { Pace } from "./filesPace.ts";
import { CALLS } from "./filesSystem.ts";

/** Bytes of a run that are sooner copied to the system than handed over. */
const SHORT = 64 * 1024;

/** Bytes in memory, and where they go to or come from: which file, and where in it, in bytes. */
export interface Run {
  readonly slot: number;
  readonly bytes: Uint8Array;
  readonly position: number;
}

/** A file that is open. */
interface Open {
  readonly path: string;
  readonly fd: number;
}

/** What is asked of `fs.write` and `fs.read`. */
type Step = (
  fd: number,
  bytes: Uint8Array,
  from: number,
  length: number,
  position: number,
  done: (error: NodeJS.ErrnoException | null, count: number) => void,
) => void;

/** Moves one run; `ended` is called when descriptor and bytes are free again, with how many of them passed and why not the rest. */
export type Move = (file: Open, run: Run, ended: (passed: number, failure?: DiskFault) => void) => void;

/** One call after another until the whole run has passed; a single call is the rule. A call that moves nothing fails with `short`. */
const whole =
  (step: Step, short: string): Move =>
  ({ fd, path }, { bytes, position }, ended) => {
    let passed = 0;
    const next = (error: NodeJS.ErrnoException | null, count: number): void => {
      if (error) return ended(passed, fault(path, error));
      passed += count;
      if (passed === bytes.length) return ended(passed);
      if (count === 0)
        return ended(passed, new DiskFault({ code: short, path, cause: new Error("the file ends early") }));
      step(fd, bytes, passed, bytes.length - passed, position + passed, next);
    };
    step(fd, bytes, 0, bytes.length, position, next);
  };

/** Writes whole runs, short ones at `pace`. */
export const writer = (pace: Pace): Move =>
  whole((fd, bytes, from, length, position, done) => {
    if (length > SHORT || !pace.isQuick()) return Fs.write(fd, bytes, from, length, position, done);
    let count: number;
    try {
      count = pace.run(() => Fs.writeSync(fd, bytes, from, length, position));
    } catch (cause) {
      // Calls of node:fs throw nothing else.
      return done(cause as NodeJS.ErrnoException, 0);
    }
    return done(null, count);
  }, "EIO");

/** Fills whole runs; a file that ends early counts as missing. */
export const read: Move = whole(Fs.read, "ENOENT");

/**
 * Moves runs in order, several at once, for as long as `take` has an open file for the next one; then tells how many it moved. `finished` is called with
 * each file when it is free again, and with where in it the last byte that passed ends. After a failure no other run begins, and those that have end first.
 */
export const moveAll = <File extends Open>(
  move: Move,
  runs: ReadonlyArray<Run>,
  take: (slot: number) => File | undefined,
  finished: (file: File, end: number) => void,
): Effect.Effect<number, DiskFault> =>
  Effect.uninterruptible(
    Effect.callback<number, DiskFault>((resume) => {
      let moved = 0;
      let underWay = 0;
      let beginning = false;
      let failure: DiskFault | undefined;

      /** Begins the next run, if it may and there is a file for it. */
      const begin = (): boolean => {
        const run = failure === undefined && underWay < CALLS ? runs[moved] : undefined;
        const file = run && take(run.slot);
        if (run === undefined || file === undefined) return false;
        moved++;
        underWay++;
        move(file, run, (passed, failed) => {
          underWay--;
          failure ??= failed;
          finished(file, run.position + passed);
          // One that ends before it is back from its call needs nobody to go on.
          if (!beginning) go();
        });
        return true;
      };

      const go = (): void => {
        beginning = true;
        for (let more = true; more;) more = begin();
        beginning = false;
        if (underWay === 0) resume(failure === undefined ? Effect.succeed(moved) : Effect.fail(failure));
      };
      go();
    }),
  );
