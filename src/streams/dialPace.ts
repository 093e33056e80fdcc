/**
 * How often somebody is dialled: home routers and firewalls lose count of what is new, and take too much of it for an attack.
 *
 * State: when each of the last dials began or is to begin, in a ring of this closure.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import { monotonicMillis } from "../services/time.ts";

/** A turn at dialling: waits for as long as `perSecond` others began within the last second. Whoever asks first goes first. */
export const makeDialPace = (perSecond: number): Effect.Effect<Effect.Effect<void>> =>
  Effect.map(Clock.Clock, (clock) => {
    const begun = new Float64Array(perSecond).fill(-Infinity);
    let oldest = 0;
    return Effect.suspend(() => {
      const now = monotonicMillis(clock);
      const at = Math.max(now, (begun[oldest] ?? 0) + 1_000);
      begun[oldest] = at;
      oldest = (oldest + 1) % perSecond;
      return at > now ? Effect.sleep(Math.ceil(at - now)) : Effect.void;
    });
  });
