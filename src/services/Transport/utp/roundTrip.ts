/** How long a packet and its acknowledgement take, and when to stop waiting for one (BEP 29). Times are microseconds; it is told them. */

/** BEP 29: never less than half a second. */
const MIN_TIMEOUT = 500_000;
const FIRST_TIMEOUT = 1_000_000;
const MAX_TIMEOUT = 60_000_000;
/** A probe goes out no earlier, for the other side may wait that long with an acknowledgement. */
const MIN_PROBE = 120_000;

/** The estimate of one connection. */
export interface RoundTrip {
  /** A packet that was sent once was acknowledged after `sample`. */
  readonly sample: (sample: number) => void;
  /** The smoothed round trip; 0 before the first sample. */
  readonly smoothed: () => number;
  /** How long to wait for an acknowledgement: doubled by each time-out, until one comes. */
  readonly timeout: () => number;
  /** How long to wait before the oldest packet is sent once more on suspicion. */
  readonly probe: () => number;
  readonly timedOut: () => void;
  readonly progressed: () => void;
}

/** An estimate without samples. */
export const makeRoundTrip = (): RoundTrip => {
  let smoothed = 0;
  let variance = 0;
  let doublings = 0;
  return {
    sample: (sample) => {
      if (smoothed === 0) {
        smoothed = sample;
        variance = sample / 2;
      } else {
        variance += (Math.abs(smoothed - sample) - variance) / 4;
        smoothed += (sample - smoothed) / 8;
      }
    },
    smoothed: () => smoothed,
    timeout: () => {
      const base = smoothed === 0 ? FIRST_TIMEOUT : Math.max(smoothed + 4 * variance, MIN_TIMEOUT);
      return Math.min(base * 2 ** doublings, MAX_TIMEOUT);
    },
    probe: () => (smoothed === 0 ? Infinity : Math.max(2 * smoothed + 4 * variance, MIN_PROBE)),
    timedOut: () => {
      if (doublings < 8) doublings++;
    },
    progressed: () => {
      doublings = 0;
    },
  };
};
