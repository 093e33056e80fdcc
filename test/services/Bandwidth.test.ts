import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber } from "effect";
import { TestClock } from "effect/testing";
import { Bandwidth } from "../../src/services/Bandwidth.ts";

describe("Bandwidth", () => {
  it.effect("has no end of tokens without a limit", () =>
    Effect.gen(function* () {
      const { download } = yield* Bandwidth;
      assert.isFalse(download.limited());
      assert.strictEqual(download.available(), Number.POSITIVE_INFINITY);
      yield* download.take(1e12);
    }).pipe(Effect.provide(Bandwidth.layer)),
  );

  it.effect("lets takers through in turn, at the limit", () =>
    Effect.gen(function* () {
      const { upload } = yield* Bandwidth;
      const done: Array<number> = [];
      const fiber = yield* Effect.forkChild(
        Effect.forEach(
          [1, 2, 3],
          (n) =>
            Effect.andThen(
              upload.take(100_000),
              Effect.sync(() => done.push(n)),
            ),
          {
            concurrency: "unbounded",
            discard: true,
          },
        ),
      );
      yield* TestClock.adjust("1 second");
      assert.deepStrictEqual(done, [1]);
      yield* TestClock.adjust("1 second");
      assert.deepStrictEqual(done, [1, 2]);
      yield* TestClock.adjust("1 second");
      yield* Fiber.join(fiber);
      assert.deepStrictEqual(done, [1, 2, 3]);
    }).pipe(Effect.provide(Bandwidth.layerWith({ upload: 100_000 }))),
  );

  it.effect("fills up with time, up to a burst", () =>
    Effect.gen(function* () {
      const { download } = yield* Bandwidth;
      assert.strictEqual(download.available(), 0);
      yield* TestClock.adjust("100 millis");
      assert.strictEqual(Math.round(download.available()), 100_000);
      yield* TestClock.adjust("1 minute");
      assert.strictEqual(download.available(), 250_000);
      download.spend(300_000);
      assert.strictEqual(download.available(), -50_000);
    }).pipe(Effect.provide(Bandwidth.layerWith({ download: 1_000_000 }))),
  );

  it.effect("takes new limits at once", () =>
    Effect.gen(function* () {
      const bandwidth = yield* Bandwidth;
      yield* bandwidth.setLimits({ upload: 1_000 });
      assert.isFalse(bandwidth.download.limited());
      assert.isTrue(bandwidth.upload.limited());
    }).pipe(Effect.provide(Bandwidth.layerWith({ download: 1_000_000 }))),
  );
});
