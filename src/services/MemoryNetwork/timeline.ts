/**
 * What happens when, in a simulated world: actions run at their time by the `Clock`, those of one instant in the order
 * they were planned. It knows nothing of networks.
 *
 * Life cycle: actions that are still to come when the scope closes never run.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as FiberSet from "effect/FiberSet";
import type * as Scope from "effect/Scope";

/** Plans plain actions. Times are milliseconds of the `Clock`; fractions keep the order, and run at the next whole one. */
export interface Timeline {
  readonly now: () => number;
  /** Runs `action` at `due`, never before this call has returned. */
  readonly at: (due: number, action: () => void) => void;
}

interface Planned {
  readonly due: number;
  readonly order: number;
  readonly action: () => void;
}

/** A timeline on the current `Clock`. */
export const makeTimeline: Effect.Effect<Timeline, never, Scope.Scope> = Effect.gen(function* () {
  const clock = yield* Clock.Clock;
  const fibers = yield* FiberSet.make<void>();
  const run = yield* FiberSet.runtime(fibers)();
  // latest first, so that the next one is popped off the end
  const planned: Array<Planned> = [];
  let order = 0;
  let wakesAt = Infinity;

  const wakeAt = (due: number): void => {
    if (due >= wakesAt) return;
    wakesAt = due;
    // whole milliseconds, or a fraction that the clock rounds off would be waited for again and again
    const wait = Math.ceil(due - clock.currentTimeMillisUnsafe());
    run(Effect.andThen(wait > 0 ? Effect.sleep(wait) : Effect.yieldNow, Effect.sync(runDue)));
  };
  const runDue = (): void => {
    const now = clock.currentTimeMillisUnsafe();
    if (wakesAt <= now) wakesAt = Infinity;
    // What these actions plan for the same instant waits for the next turn, so that other fibers get theirs.
    const until = order;
    let next = planned.at(-1);
    while (next !== undefined && next.due <= now && next.order < until) {
      planned.pop();
      next.action();
      next = planned.at(-1);
    }
    if (next !== undefined) wakeAt(next.due);
  };

  return {
    now: () => clock.currentTimeMillisUnsafe(),
    at: (due, action) => {
      let low = 0;
      let high = planned.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        const other = planned[middle];
        if (other !== undefined && other.due > due) low = middle + 1;
        else high = middle;
      }
      planned.splice(low, 0, { due, order: order++, action });
      wakeAt(due);
    },
  };
});
