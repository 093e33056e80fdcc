/** Lets the clock of a test run by itself. */
import { Effect, Fiber } from "effect";
import { TestClock } from "effect/testing";

/** Moves the clock by `step` milliseconds at a time as long as `effect` runs, at most an hour. */
export const driven = <A, E, R>(effect: Effect.Effect<A, E, R>, step = 100) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true });
    for (let at = 0; at < 3_600_000 && fiber.pollUnsafe() === undefined; at += step) yield* TestClock.adjust(step);
    return yield* Fiber.join(fiber);
  });
