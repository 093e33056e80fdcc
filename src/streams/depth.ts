/**
 * How many requests to keep with one peer: twice what rate × least delay needs, and more where the peer is far, found by slow start; and for a peer that
 * answers in bursts (transmission looks at its peers twice a second) as many as make a burst worth it. Plain arithmetic; its caller gives it the time.
 */
import { BLOCK_LENGTH } from "../schema/block.ts";
import type { Idleness } from "../services/Idleness/Idleness.ts";
import { type Backlog, makeCatchingUp } from "./assembler/backlog.ts";

/** Fewer than this starves even a fast path between two reads of the socket. */
const LEAST = 16;
/** Shorter delays count as this, in milliseconds: a turn of both event loops, in which a fast path must not run dry. */
const TURN = 0.75;
/** What a peer always has to answer: the requests of so many milliseconds, up to so many. What is on its way then fits into the caches of a busy machine. */
const LOT = { millis: 5, most: 64 };
/** The same while we wait for our peers: one that hands itself blocks in lots, from threads that read and encipher (libtorrent), waits for us between two of them. */
const LARGE_LOT = { millis: 100, most: 500 };
/** We wait for our peers when nothing happens for this share of the time, and not because of our disk … */
const WAITING = 0.25;
/** … for so many milliseconds: a single stall, of a peer or of the machine, is not it … */
const LASTING = 150;
/** … and for so many after that: more under way keeps us busy, and would be given up at once. */
const AFTERWARDS = 3_000;
/** A peer whose least delay is longer, in milliseconds, is far: what it sends is held up by packets that are sent again, and by a window that still grows. */
const FAR = 5;
/** So much longer than the least delay, in milliseconds, answers of a far peer may take before that means that they wait for each other. */
const SLACK = 250;
/** Slow start with a far peer ends when so many windows in a row brought no more: in one of them a lost packet may have held everything up. */
const FULL = 3;
/** A peer that kept requests waiting for this long without a block answers in bursts, in milliseconds: no turn of ours takes as long. */
const PAUSE = 100;
/** The next burst is let become so many times as large … */
const GROWTH = 4;
/** … or so many times, where the last time brought no more: a peer that keeps to a rate sends what it may in bursts, however much waits. */
const NUDGE = 1.125;
/** So many times the rate is more. */
const MORE = 1.5;
/** It fell to less than one in so many: what it was before says nothing about what bursts bring now. */
const LESS = 4;
/** What a queue is longer by for the sake of bursts is half as much after so many milliseconds without one. */
const HALF_LIFE = 3_000;
/** No burst is worth more than what comes within so many milliseconds. */
const MOST_AHEAD = 2_000;
/** A window of the rate is at least this long, in milliseconds. */
const WINDOW = 50;

/** The queue depth of one peer. Times are milliseconds. */
export interface Depth {
  /** A block arrived. */
  readonly arrived: (bytes: number, now: number) => void;
  /** A request was answered after this long; before `arrived`. */
  readonly answered: (delay: number, now: number) => void;
  /** Requests to keep waiting, between 16 and `most`. */
  readonly depth: () => number;
  /** Bytes per second over the last windows; 0 when nothing came for a while. */
  readonly rate: (now: number) => number;
}

/** What the depth depends on besides the answers. */
export interface DepthOptions {
  readonly idleness: Idleness;
  /** What waits for our disk. */
  readonly backlog: Backlog;
  /** What the peer says it takes (`reqq`, BEP 10). */
  readonly most: () => number;
}

/** Begins in slow start. */
export const makeDepth = ({ idleness, backlog, most }: DepthOptions): Depth => {
  let slowStart = true;
  let depth = LEAST;
  let least = Number.POSITIVE_INFINITY;
  let rate = 0;
  /** Windows in a row in which the rate did not grow, or all answers waited for each other. */
  let full = 0;
  let windowStart = -1;
  let windowBytes = 0;
  /** The soonest answer of the window. */
  let windowLeast = Number.POSITIVE_INFINITY;
  let lastArrival = 0;
  /** What came since the last pause: how many blocks, and from when on. */
  let run = { blocks: 0, from: 0 };
  /** Requests that bursts are worth. */
  let burst = 0;
  /** When they were last let grow: until then nothing is taken from them. */
  let burstAt = 0;
  /** The rate when bursts were last let grow. */
  let rateBefore = 0;
  /** Until when more requests than the peer needs are worth it; nothing is known before the first window is over. */
  let generousUntil = Number.POSITIVE_INFINITY;
  /** Since when we wait; later than ever while we do not. */
  let waitingSince = Number.POSITIVE_INFINITY;
  const diskKeepsUp = makeCatchingUp(backlog);

  const blocksIn = (time: number): number => (rate * time) / 1000 / BLOCK_LENGTH;

  const isGenerous = (): boolean => windowStart < generousUntil;

  /** Whether its answers travel for long, and are not only read late: we waited in the last window. */
  const isFar = (): boolean => least >= FAR && waitingSince < Number.POSITIVE_INFINITY;

  const current = (): number => {
    const lot = isGenerous() ? LARGE_LOT : LOT;
    const wanted = Math.max(depth, Math.min(blocksIn(lot.millis), lot.most), Math.min(burst, blocksIn(MOST_AHEAD)));
    return Math.max(LEAST, Math.min(Math.ceil(wanted), most()));
  };

  /** A block ends a pause: whether the peer used up a queue before, in less time than it paused. Then it would have used up a longer one. */
  const endPause = (now: number, delay: number): void => {
    const pause = now - lastArrival;
    if (pause < PAUSE) return;
    if (delay >= pause * 0.9 && lastArrival - run.from < pause && run.blocks >= current() / 2) {
      const pays = rate >= rateBefore * MORE;
      burst = (pays ? GROWTH : NUDGE) * current();
      burstAt = now;
      if (pays) rateBefore = rate;
    }
    run = { blocks: 0, from: now };
  };

  /** Answers that take longer wait in a queue: more requests would only make it longer. On a busy machine a near peer seems far, for it is read late. */
  const longest = (): number => least + (isFar() || (least >= FAR && isGenerous()) ? Math.max(least, SLACK) : least);

  const close = (now: number): void => {
    const elapsed = now - windowStart;
    if (elapsed < Math.max(WINDOW, Number.isFinite(least) ? least * 2 : 0)) return;
    const measured = (windowBytes * 1000) / elapsed;
    waitingSince = diskKeepsUp() && idleness() > WAITING ? Math.min(waitingSince, now) : Number.POSITIVE_INFINITY;
    if (rate === 0) generousUntil = now;
    else if (now - waitingSince >= LASTING) generousUntil = now + AFTERWARDS;
    full = measured < rate * 1.1 || windowLeast > longest() ? full + 1 : 0;
    if (full >= (isFar() ? FULL : 1)) slowStart = false;
    rate = rate === 0 ? measured : rate * 0.5 + measured * 0.5;
    if (!slowStart) depth = blocksIn(Number.isFinite(least) ? longest() : 2 * WINDOW);
    if (rate < rateBefore / LESS) rateBefore = rate;
    burst *= 0.5 ** ((now - Math.max(windowStart, burstAt)) / HALF_LIFE);
    windowStart = now;
    windowBytes = 0;
    windowLeast = Number.POSITIVE_INFINITY;
  };

  return {
    arrived: (bytes, now) => {
      if (windowStart < 0) {
        windowStart = now;
        // what comes before says nothing
        idleness();
      }
      windowBytes += bytes;
      if (slowStart) depth++;
      close(now);
      lastArrival = now;
      run.blocks++;
    },
    answered: (delay, now) => {
      endPause(now, delay);
      if (delay < least) least = Math.max(delay, TURN);
      if (delay < windowLeast) windowLeast = delay;
      if (!isFar() && delay > longest()) slowStart = false;
    },
    depth: current,
    rate: (now) => {
      if (windowStart < 0) return 0;
      const elapsed = now - windowStart;
      return elapsed > 1000 ? Math.min(rate, (windowBytes * 1000) / elapsed) : rate;
    },
  };
};
