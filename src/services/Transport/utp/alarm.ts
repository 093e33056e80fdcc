/** One sleeper for all connections, and one wake-up at the end of what is happening now: nothing polls, and nothing runs while all is quiet. */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as FiberHandle from "effect/FiberHandle";
import type * as Scope from "effect/Scope";

/** Times are microseconds of a monotonic clock. */
export interface Alarm {
  readonly now: () => number;
  /** `ring` happens at this time at the latest. */
  readonly wakeAt: (due: number) => void;
  /** `afterwards` happens once other fibers and packets that are already there have had their turn. */
  readonly soon: () => void;
}

/** An alarm for as long as the scope lives. `ring` says when it wants to be called again. */
export const makeAlarm = Effect.fnUntraced(function* (
  ring: (now: number) => number,
  afterwards: () => void,
): Effect.fn.Return<Alarm, never, Scope.Scope> {
  const clock = yield* Clock.Clock;
  const sleep = yield* FiberHandle.runtime(yield* FiberHandle.make<void>())();
  const yieldThen = yield* FiberHandle.runtime(yield* FiberHandle.make<void>())();
  let wakesAt = Infinity;
  let isPlanned = false;

  const now = (): number => Number(clock.monotonicTimeNanosUnsafe()) / 1000;
  const wakeAt = (due: number): void => {
    if (due >= wakesAt) return;
    wakesAt = due;
    sleep(Effect.andThen(Effect.sleep(Math.max(0, Math.ceil((due - now()) / 1000))), Effect.sync(onWake)));
  };
  const onWake = (): void => {
    wakesAt = Infinity;
    wakeAt(ring(now()));
  };
  const flush = Effect.andThen(
    Effect.yieldNow,
    Effect.sync(() => {
      isPlanned = false;
      afterwards();
    }),
  );
  return {
    now,
    wakeAt,
    soon: () => {
      if (isPlanned) return;
      isPlanned = true;
      yieldThen(flush);
    },
  };
});
