/**
 * How busy this process is: whether it waits for the network, or the network for it. Where it waits, more under way brings more; where it does not, what
 * is under way only fills the caches.
 *
 * State of the live one: the last reading, in the layer's closure.
 */
import * as Context from "effect/Context";
import * as Layer from "effect/Layer";

/** Milliseconds over which the share is taken. */
const WINDOW = 50;
/** A reading that is older by so many windows tells nothing of now. */
const STALE = 4;

/** Share of the time in which the thread waited for something to happen lately, 0 to 1. */
export type Idleness = () => number;

/** Replaceable by Layer. Nothing that happens under a simulated clock takes time: by default the thread does nothing but wait. */
export const Idleness = Context.Reference<Idleness>("bt-effect/services/Idleness", { defaultValue: () => () => 1 });

/** As Node's event loop tells it. */
export const layer: Layer.Layer<never> = Layer.sync(Idleness, () => {
  let last = performance.eventLoopUtilization();
  let share = 0;
  return () => {
    const now = performance.eventLoopUtilization();
    const waited = now.idle - last.idle;
    const passed = waited + now.active - last.active;
    if (passed < WINDOW) return share;
    share = passed > STALE * WINDOW ? 0 : waited / passed;
    last = now;
    return share;
  };
});
