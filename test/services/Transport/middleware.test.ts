import { assert, describe, it } from "@effect/vitest";
import { Clock, Context, Effect, Fiber, Layer } from "effect";
import { NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import * as MemoryNetwork from "../../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { corrupted, droppedAfter, slowed } from "../../../src/services/Transport/middleware.ts";
import { Transport } from "../../../src/services/Transport/Transport.ts";
import { connect, numbers, pullAll } from "./pair.ts";

/** A connection whose accepting side lies behind `spoil`. */
const behind = (spoil: Layer.Layer<Transport, never, Transport>) =>
  Effect.gen(function* () {
    const network = yield* MemoryNetwork.make();
    const dialler = Context.get(yield* Layer.build(network.host("10.0.0.1")), Transport);
    const spoilt = spoil.pipe(Layer.provide(network.host("10.0.0.2")));
    const listener = Context.get(yield* Layer.build(spoilt), Transport);
    return yield* connect({
      dialler,
      listener,
      at: (port) => NetAddress.inetAddressFromStringUnsafe(`10.0.0.2:${port}`),
    });
  });

const zeros = (length: number) => Array.from({ length }, () => 0);

describe("transport middleware", () => {
  it.effect("slowed receives at its pace", () =>
    Effect.gen(function* () {
      const { dialled, accepted, closeDialled } = yield* behind(slowed(1000));
      dialled.sendUnsafe(new Uint8Array(500));
      const receiving = yield* Effect.forkChild(
        Effect.gen(function* () {
          yield* accepted.read(100);
          const pull = yield* accepted.receive(numbers);
          const { all } = yield* pullAll(pull);
          return [all.length, yield* Clock.currentTimeMillis];
        }),
        { startImmediately: true },
      );
      yield* Effect.yieldNow;
      yield* TestClock.adjust("50 millis");
      dialled.sendUnsafe(new Uint8Array(500));
      yield* TestClock.adjust("50 millis");
      yield* closeDialled;
      yield* TestClock.adjust("10 seconds");
      assert.deepStrictEqual(yield* Fiber.join(receiving), [900, 1000]);
    }),
  );

  it.effect("corrupted flips the bytes it says, in read and receive alike", () =>
    Effect.gen(function* () {
      const { dialled, accepted, closeDialled } = yield* behind(corrupted({ first: 3, every: 6 }));
      dialled.sendUnsafe(new Uint8Array(16));
      const head = yield* accepted.read(5);
      assert.deepStrictEqual([...head], [0, 0, 0, 255, 0]);
      const pull = yield* accepted.receive(numbers);
      yield* closeDialled;
      const { all } = yield* pullAll(pull);
      assert.deepStrictEqual(all, [...zeros(4), 255, ...zeros(5), 255]);
    }),
  );

  it.effect("droppedAfter lets its bytes through, then resets", () =>
    Effect.gen(function* () {
      const { dialled, accepted } = yield* behind(droppedAfter(10));
      dialled.sendUnsafe(new Uint8Array(16));
      yield* accepted.read(4);
      assert.isTrue(accepted.sendUnsafe(Uint8Array.of(1)));
      const pull = yield* accepted.receive(numbers);
      const { all, error } = yield* pullAll(pull);
      assert.deepStrictEqual(all, zeros(6));
      assert.include(String(error), "reset");
      assert.isFalse(accepted.sendUnsafe(Uint8Array.of(1)));
      assert.strictEqual((yield* Effect.flip(accepted.send([Uint8Array.of(1)]))).reason._tag, "Reset");
    }),
  );
});
