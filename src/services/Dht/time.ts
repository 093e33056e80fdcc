/** Time as the DHT counts it. */
import type * as Clock from "effect/Clock";

/** Milliseconds of the clock that is never set back. */
export const monotonicMillis = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6;
