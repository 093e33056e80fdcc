/**
 * How much may be under way: LEDBAT (BEP 29, RFC 6817) with slow start. It fills a path until packets queue for `TARGET` and gives way to
 * everybody else; above the target it shrinks in proportion, as LEDBAT++ does, or a slow start that went too far would be felt for minutes.
 */

/** Queueing that is aimed at, in microseconds. */
const TARGET = 100_000;
/** Bytes by which the window grows in a round trip without any queueing (libutp). */
const GAIN = 3_000;
/** What is left of the window after a loss (BEP 29), and after one with next to nothing queued, which the path itself loses (TCP Veno). */
const AFTER_CONGESTION = 0.5;
const AFTER_CHANCE = 0.8;
/** With fewer packets of ours queued than this the path is not congested (TCP Veno). */
const QUEUED_PACKETS = 3;
/** The most that queueing may take off the window in one round trip. */
const MOST_DECREASE = 0.5;
/** The first window, in packets. */
const FIRST_PACKETS = 4;

/** The congestion window of one connection. */
export interface Congestion {
  /** Bytes that may be under way. */
  readonly window: () => number;
  /** `acked` bytes of the `flight` that were under way arrived; `full`: the window, nothing else, held more back. */
  readonly acked: (acked: number, flight: number, queuing: number, full: boolean) => void;
  /** Something was lost: to be told once per round trip. Times are microseconds. */
  readonly lost: (queuing: number, roundTrip: number) => void;
  /** Nothing was heard for too long. */
  readonly timedOut: () => void;
}

/** The window of a new connection with packets of `packet` bytes; never above `most` bytes. */
export const makeLedbat = (packet: number, most: number): Congestion => {
  let window = FIRST_PACKETS * packet;
  let slowStart = true;
  let threshold = Infinity;
  const bound = (bytes: number): void => {
    window = Math.min(Math.max(bytes, packet), most);
  };
  return {
    window: () => window,
    acked: (acked, flight, queuing, full) => {
      const share = acked / Math.max(flight, acked, 1);
      const off = 1 - queuing / TARGET;
      if (off < 0) {
        if (slowStart) threshold = window / 2;
        slowStart = false;
        bound(window + share * Math.max(GAIN * off + window * off, -MOST_DECREASE * window));
      } else if (full) {
        slowStart &&= window + acked <= threshold;
        bound(window + (slowStart ? acked : share * off * GAIN));
      }
    },
    lost: (queuing, roundTrip) => {
      const queued = window * (queuing / Math.max(roundTrip, 1));
      bound(window * (queued < QUEUED_PACKETS * packet && !slowStart ? AFTER_CHANCE : AFTER_CONGESTION));
      slowStart = false;
      threshold = window;
    },
    timedOut: () => {
      threshold = Math.max(window / 2, 2 * packet);
      slowStart = true;
      window = packet;
    },
  };
};
