/**
 * How busy this process is: whether it waits for the network, or the network for it. Where it waits, more under way brings more; where it does not, what
 * is under way only fills the caches. The live Layer is `node.ts`.
 */
import * as Context from "effect/Context";

/** Milliseconds over which the share is taken. */
const WINDOW = 50;
/** A reading that is older by so many windows tells nothing of now. */
const STALE = 4;

/** Share of the time in which the thread waited for something to happen lately, 0 to 1. */
export type Idleness = () => number;

/** Replaceable by Layer. Nothing that happens under a simulated clock takes time: by default the thread does nothing but wait. */
export const Idleness = Context.Reference<Idleness>("bt-effect/services/Idleness", { defaultValue: () => () => 1 });

/** Milliseconds since the beginning in which the thread waited, and in which it worked. */
export interface Reading {
  readonly idle: number;
  readonly active: number;
}

/** Takes a reading when it is asked, once in 50 ms at the most. After a long time without one nothing is known, which counts as busy. */
export const makeIdleness = (read: () => Reading): Idleness => {
  let last = read();
  let share = 0;
  return () => {
    const now = read();
    const waited = now.idle - last.idle;
    const passed = waited + now.active - last.active;
    if (passed < WINDOW) return share;
    share = passed > STALE * WINDOW ? 0 : waited / passed;
    last = now;
    return share;
  };
};
