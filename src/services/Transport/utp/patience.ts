/**
 * How long a uTP connection waits for an acknowledgement (BEP 29): when the oldest packet is sent once more, when all are lost, and when it is given up. It sends
 * nothing itself; the lengths come from roundTrip.ts. Times are microseconds.
 *
 * State: since when it waits, and how often in vain.
 */
import { MAX_TIMEOUTS } from "./limits.ts";
import type { RoundTrip } from "./roundTrip.ts";

/** The patience of one connection, in which something is under way. */
export interface Patience {
  /** Something new is waited for: the first packet went out, or one was acknowledged. */
  readonly restart: (now: number) => void;
  /** The other side lives. */
  readonly heard: () => void;
  /** When all that is under way counts as lost. */
  readonly timeoutAt: () => number;
  /** When the oldest packet is sent once more; Infinity once it was. */
  readonly probeAt: () => number;
  readonly probed: () => void;
  /** All that is under way is lost; false when that happened too often in a row. */
  readonly timedOut: (now: number) => boolean;
}

/** A patience that begins at `now`. */
export const makePatience = (roundTrip: Pick<RoundTrip, "timeout" | "probe">, now: number): Patience => {
  let waitsFrom = now;
  let hasProbed = false;
  let timeouts = 0;
  return {
    restart: (now) => {
      waitsFrom = now;
      hasProbed = false;
    },
    heard: () => {
      timeouts = 0;
    },
    timeoutAt: () => waitsFrom + roundTrip.timeout(),
    probeAt: () => (hasProbed ? Infinity : waitsFrom + roundTrip.probe()),
    probed: () => {
      hasProbed = true;
    },
    timedOut: (now) => {
      waitsFrom = now;
      return ++timeouts <= MAX_TIMEOUTS;
    },
  };
};
