/** Lets the clock of a test run by itself. */
import { it } from "@effect/vitest";
import { Effect, Fiber, type Scope } from "effect";
import { TestClock } from "effect/testing";

/** Moves the clock by `step` milliseconds at a time as long as `effect` runs, at most an hour. */
export const driven = <A, E, R>(effect: Effect.Effect<A, E, R>, step = 100) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true });
    for (let at = 0; at < 3_600_000 && fiber.pollUnsafe() === undefined; at += step) yield* TestClock.adjust(step);
    return yield* Fiber.join(fiber);
  });

/** A test in a scope of its own, during which the clock moves. */
export const drivenTest = <E>(title: string, effect: Effect.Effect<void, E, Scope.Scope>): void =>
  it.effect(title, () => driven(Effect.scoped(effect)));
