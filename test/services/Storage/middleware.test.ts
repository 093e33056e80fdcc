import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Layer from "effect/Layer";
import { TestClock } from "effect/testing";
import { layer } from "../../../src/services/Storage/memory.ts";
import { corrupting, fullAfter, slow } from "../../../src/services/Storage/middleware.ts";
import { Storage } from "../../../src/services/Storage/Storage.ts";
import { layoutOf, pattern, reasonOf } from "./contract.ts";

const opened = Effect.flatMap(Storage, (storage) => storage.open(layoutOf("/m", [{ length: 16 }])));
const around = (middleware: Layer.Layer<Storage, never, Storage>) => Layer.provide(middleware, Layer.fresh(layer));

describe("Storage middleware", () => {
  it.effect("is slow by the clock", () =>
    Effect.gen(function* () {
      const output = yield* opened;
      const writing = yield* Effect.forkChild(output.write(0, pattern(16)), { startImmediately: true });
      yield* TestClock.adjust("999 millis");
      assert.isUndefined(writing.pollUnsafe());
      yield* TestClock.adjust("1 millis");
      yield* Fiber.join(writing);
    }).pipe(Effect.scoped, Effect.provide(around(slow("1 second")))),
  );

  it.effect("is full after so many bytes, and still reads", () =>
    Effect.gen(function* () {
      const output = yield* opened;
      assert.strictEqual(yield* reasonOf(output.write(0, pattern(10))), "success");
      assert.strictEqual(yield* reasonOf(output.write(10, pattern(3))), "NoSpace");
      assert.strictEqual(yield* reasonOf(output.read(0, new Uint8Array(10))), "success");
    }).pipe(Effect.scoped, Effect.provide(around(fullAfter(12)))),
  );

  it.effect("spoils the writes that it is told to", () =>
    Effect.gen(function* () {
      const output = yield* opened;
      const back = new Uint8Array(2);
      const good = Uint8Array.of(1, 2);
      yield* output.write(0, good);
      yield* output.write(2, good);
      yield* output.read(0, back);
      assert.deepStrictEqual(back, good);
      yield* output.read(2, back);
      assert.deepStrictEqual(back, Uint8Array.of(0x81, 2));
      assert.deepStrictEqual(good, Uint8Array.of(1, 2));
    }).pipe(Effect.scoped, Effect.provide(around(corrupting((count) => count === 1)))),
  );
});
