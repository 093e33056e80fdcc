/** A clock on the wall that is set while others go on. */
import { type Clock, Effect } from "effect";

/** As `clock`, but that it shows so many hours more; the monotonic one is as it is. */
export const wallClock = (clock: Clock.Clock, hours: () => number): Clock.Clock => {
  const millis = () => clock.currentTimeMillisUnsafe() + hours() * 3_600_000;
  const nanos = () => BigInt(millis()) * 1_000_000n;
  return {
    currentTimeMillisUnsafe: millis,
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
    monotonicTimeNanos: clock.monotonicTimeNanos,
    sleep: (duration) => clock.sleep(duration),
  };
};
