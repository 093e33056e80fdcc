import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { ResumeMachine, layer } from "../../../src/services/ResumeStore/memory.ts";
import { ResumeStore } from "../../../src/services/ResumeStore/ResumeStore.ts";
import { contract, hashOf, record } from "./contract.ts";

describe("ResumeStore in memory", () => {
  contract(
    Effect.gen(function* () {
      const context = yield* Layer.build(Layer.fresh(layer));
      return yield* Effect.provide(ResumeStore, context);
    }),
  );

  it.effect("reboots and becomes unusable on demand", () =>
    Effect.gen(function* () {
      const store = yield* ResumeStore;
      const machine = yield* ResumeMachine;
      const before = yield* store.bootId;
      yield* machine.reboot;
      assert.notStrictEqual(yield* store.bootId, before);
      yield* machine.setUnusable(true);
      const key = { infoHash: hashOf(Uint8Array.of(1)), root: "/out" };
      assert.strictEqual((yield* Effect.flip(store.save(key, record))).code, "resume.unusable");
      yield* machine.setUnusable(false);
      yield* store.save(key, record);
      assert.strictEqual(yield* machine.saves, 1);
    }).pipe(Effect.provide(layer)),
  );
});
