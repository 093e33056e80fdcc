/** The one reading of the monotonic clock that counters and timers of the pipeline share. */
import type * as Clock from "effect/Clock";

/** Milliseconds of the monotonic clock, with fractions. */
export const monotonicMillis = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6;
