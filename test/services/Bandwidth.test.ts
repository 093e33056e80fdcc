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

  it.effect("lets those go on at once under a new limit who waited for another, and no faster", () =>
    Effect.gen(function* () {
      const { setLimits, upload } = yield* Bandwidth;
      let bytes = 0;
      const taker = Effect.andThen(
        upload.take(10_000),
        Effect.sync(() => void (bytes += 10_000)),
      );
      for (let n = 0; n < 50; n++) yield* Effect.forkScoped(Effect.forever(taker));
      for (const limit of [100, 1_000_000, 100_000]) {
        yield* setLimits({ upload: limit });
        const before = bytes;
        yield* TestClock.adjust("100 seconds");
        assert.closeTo((bytes - before) / 100, limit, limit * 0.05);
      }
    }).pipe(Effect.provide(Bandwidth.layerWith({ upload: 100 }))),
  );

  it.effect("does not count what somebody waited for and went without", () =>
    Effect.gen(function* () {
      const { upload } = yield* Bandwidth;
      const gone = yield* Effect.forEach(Array.from({ length: 50 }), () => Effect.forkScoped(upload.take(20_000)));
      yield* Fiber.interruptAll(gone);
      const stays = yield* Effect.forkScoped(upload.take(20_000));
      yield* TestClock.adjust("2 seconds");
      assert.isDefined(stays.pollUnsafe());
    }).pipe(Effect.provide(Bandwidth.layerWith({ upload: 10_000 }))),
  );
});
