/** The one reading of the monotonic clock, which is never set back: counters and timers go by it, dates that are written down do not. */
import type * as Clock from "effect/Clock";

/** Milliseconds of the monotonic clock, with fractions. */
export const monotonicMillis = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6;
