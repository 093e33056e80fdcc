import { assert, describe, it } from "@effect/vitest";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { MemoryDisk, layer } from "../../../src/services/Storage/memory.ts";
import { Storage } from "../../../src/services/Storage/Storage.ts";
import { contract, layoutOf, pattern, reasonOf } from "./contract.ts";

describe("Storage in memory", () => {
  contract(
    Effect.gen(function* () {
      const context = yield* Layer.build(Layer.fresh(layer));
      const { remove } = Context.get(context, MemoryDisk);
      return { storage: yield* Effect.provide(Storage, context), folder: "/m", remove };
    }),
  );

  it.effect("loses in a power cut what was not synced, sizes apart", () =>
    Effect.gen(function* () {
      const disk = yield* MemoryDisk;
      const output = yield* (yield* Storage).open(layoutOf("/m", [{ length: 8 }]));
      yield* output.write(0, pattern(4));
      yield* output.sync;
      yield* output.write(4, pattern(4));
      yield* disk.powerCut;
      const back = new Uint8Array(8);
      yield* output.read(0, back);
      assert.deepStrictEqual(back, Uint8Array.of(...pattern(4), 0, 0, 0, 0));
    }).pipe(Effect.scoped, Effect.provide(layer)),
  );

  it.effect("notices a file that was removed meanwhile", () =>
    Effect.gen(function* () {
      const disk = yield* MemoryDisk;
      const output = yield* (yield* Storage).open(layoutOf("/m", [{ length: 8 }]));
      yield* output.write(0, pattern(4));
      yield* disk.remove("/m/out/d0/f0");
      assert.strictEqual(yield* reasonOf(output.write(4, pattern(4))), "Missing");
      assert.strictEqual(yield* reasonOf(output.sync), "Missing");
    }).pipe(Effect.scoped, Effect.provide(layer)),
  );
});
