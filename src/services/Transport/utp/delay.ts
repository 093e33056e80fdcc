/**
 * How long packets of ours queue on their way (RFC 6817 §4.2): the one-way delay that the other side measures, against the least of the last
 * minutes. The two clocks differ by an unknown amount, which the difference takes out. Times are microseconds, delays modulo 2^32.
 */

const MINUTE = 60_000_000;
/** Minutes of which the least delay is remembered (RFC 6817: BASE_HISTORY). */
const HISTORY = 10;
/** Samples of which the least counts, against noise (RFC 6817: CURRENT_FILTER). */
const FILTER = 4;
/** What other clients send before they know a delay. */
const UNKNOWN = 0x7fff_ffff;
/** The other direction's least delay falling by less than this means that the clocks drift apart, which is then taken out of ours. */
const MAX_DRIFT = 10_000;

/** How far `a` is above `b` modulo 2^32, as a signed number. */
const above = (a: number, b: number): number => (a - b) | 0;

/** The least of the delays of the last minutes. */
interface Base {
  /** Notes a delay; gives by how much the least of all fell, 0 when it did not. */
  readonly note: (delay: number, now: number) => number;
  /** The least, if any is known. */
  readonly least: () => number | undefined;
  readonly raise: (by: number) => void;
}

const makeBase = (): Base => {
  let minima: Array<number> = [];
  let minuteEnds = 0;
  let least: number | undefined;
  return {
    note: (delay, now) => {
      const [current] = minima;
      if (current === undefined || now >= minuteEnds) {
        minima = [delay, ...minima.slice(0, HISTORY - 1)];
        minuteEnds = now + MINUTE;
        const before = least;
        least = minima.reduce((one, other) => (above(other, one) < 0 ? other : one));
        return before === undefined ? 0 : Math.max(0, above(before, least));
      }
      if (above(delay, current) < 0) minima[0] = delay;
      if (least === undefined || above(delay, least) >= 0) return 0;
      const fell = above(least, delay);
      least = delay;
      return fell;
    },
    least: () => least,
    raise: (by) => {
      if (least === undefined) return;
      least = (least + by) >>> 0;
      minima = minima.map((minimum) => (minimum + by) >>> 0);
    },
  };
};

/** The delays of one connection. */
export interface Delays {
  /** The other side said how long a packet of ours seemed to take. */
  readonly ours: (delay: number, now: number) => void;
  /** A packet of theirs seemed to take this long. */
  readonly theirs: (delay: number, now: number) => void;
  /** How long packets of ours queue by the last samples; 0 while nothing is known. */
  readonly queuing: () => number;
}

/** No delays yet. */
export const makeDelays = (): Delays => {
  const ours = makeBase();
  const theirs = makeBase();
  const recent: Array<number> = [];
  let next = 0;
  return {
    ours: (delay, now) => {
      if (delay === 0 || delay === UNKNOWN) return;
      ours.note(delay, now);
      recent[next] = delay;
      next = (next + 1) % FILTER;
    },
    theirs: (delay, now) => {
      const fell = theirs.note(delay, now);
      if (fell > 0 && fell < MAX_DRIFT) ours.raise(fell);
    },
    queuing: () => {
      const base = ours.least();
      if (base === undefined) return 0;
      let least = Infinity;
      for (const delay of recent) least = Math.min(least, above(delay, base));
      return least === Infinity ? 0 : Math.max(0, least);
    },
  };
};
