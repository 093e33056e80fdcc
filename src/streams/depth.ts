/**
 * How many requests to keep with one peer: twice what rate × least delay needs, found by slow start. Plain arithmetic; its
 * caller gives it the time.
 */
import { BLOCK_LENGTH } from "../schema/wire.ts";

/** Fewer than this starves even a fast path between two reads of the socket. */
const LEAST = 16;
/** Shorter delays count as this, in milliseconds: a turn of both event loops, in which a fast path must not run dry. */
const TURN = 0.75;
/** Answers that take so many times the least delay wait in a queue: more requests would only make it longer. */
const QUEUEING = 2;
/** A window of the rate is at least this long, in milliseconds. */
const WINDOW = 50;

/** The queue depth of one peer. Times are milliseconds. */
export interface Depth {
  /** A block arrived. */
  readonly arrived: (bytes: number, now: number) => void;
  /** A request was answered after this long. */
  readonly answered: (delay: number) => void;
  /** Requests to keep waiting, between 16 and `most`. */
  readonly depth: () => number;
  /** Bytes per second over the last windows; 0 when nothing came for a while. */
  readonly rate: (now: number) => number;
}

/** Begins in slow start. `most` follows what the peer says it takes (`reqq`, BEP 10). */
export const makeDepth = (most: () => number): Depth => {
  let slowStart = true;
  let depth = LEAST;
  let least = Number.POSITIVE_INFINITY;
  let rate = 0;
  let windowStart = -1;
  let windowBytes = 0;

  const close = (now: number): void => {
    const elapsed = now - windowStart;
    if (elapsed < Math.max(WINDOW, Number.isFinite(least) ? least * 2 : 0)) return;
    const measured = (windowBytes * 1000) / elapsed;
    if (slowStart && measured < rate * 1.1) slowStart = false;
    rate = rate === 0 ? measured : rate * 0.5 + measured * 0.5;
    if (!slowStart) depth = (2 * rate * (Number.isFinite(least) ? least : WINDOW)) / 1000 / BLOCK_LENGTH;
    windowStart = now;
    windowBytes = 0;
  };

  return {
    arrived: (bytes, now) => {
      if (windowStart < 0) windowStart = now;
      windowBytes += bytes;
      if (slowStart) depth++;
      close(now);
    },
    answered: (delay) => {
      if (delay < least) least = Math.max(delay, TURN);
      if (delay > least * QUEUEING) slowStart = false;
    },
    depth: () => Math.max(LEAST, Math.min(Math.ceil(depth), most())),
    rate: (now) => {
      if (windowStart < 0) return 0;
      const elapsed = now - windowStart;
      return elapsed > 1000 ? Math.min(rate, (windowBytes * 1000) / elapsed) : rate;
    },
  };
};
