/**
 * Whether a short call on a file is made at once, on the main thread, or by Node's pool. A hand-over costs the main thread 20 to 50 µs, more than opening,
 * closing or looking at a file does that the system has in memory; but a disk that is asleep, or a server of files, takes as long as it likes.
 *
 * State: until when calls go to the pool, for as long as an output is open. It follows from how long the last calls took and from nothing else, so that no
 * file system need be known by name.
 */

/** A call may take so long, ms; it is not taken for a wait. */
const QUICK = 0.2;
/** After a wait the pool has calls for so many times as long: waits take no more than a twentieth of the main thread's time. */
const REST = 20;

/** How an output's calls are made. */
export interface Pace {
  /** Whether a short call may be made at once. */
  readonly isQuick: () => boolean;
  /** Makes a call at once; throws what it throws. */
  readonly run: <A>(call: () => A) => A;
}

/** A pace of its own; `now` counts milliseconds, with fractions. */
export const make = (now: () => number): Pace => {
  let rest = -Infinity;
  return {
    isQuick: () => now() >= rest,
    run: (call) => {
      const begun = now();
      try {
        return call();
      } finally {
        const end = now();
        if (end - begun > QUICK) rest = end + REST * (end - begun);
      }
    },
  };
};
