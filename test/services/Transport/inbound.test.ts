import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber, Schema } from "effect";
import { TransportError } from "../../../src/schema/errors/TransportError.ts";
import { makeInbound } from "../../../src/services/Transport/inbound.ts";
import { MAX_WAITING_MESSAGES } from "../../../src/services/Transport/limits.ts";
import { numbers, pattern, pullAll } from "./pair.ts";

const reset = new TransportError({ address: "10.0.0.1:1", reason: { _tag: "Reset" } });

/** An inbound half whose source counts how often it was asked to read. */
const make = () => {
  const source = { resumed: 0 };
  return { source, inbound: makeInbound("10.0.0.1:1", () => source.resumed++) };
};

describe("inbound", () => {
  it.effect("reads nothing before somebody wants to", () =>
    Effect.gen(function* () {
      const { source, inbound } = make();
      assert.strictEqual(source.resumed, 0);
      const reading = yield* Effect.forkChild(inbound.read(2), { startImmediately: true });
      assert.strictEqual(source.resumed, 1);
      assert.isTrue(inbound.push(Uint8Array.of(1)));
      assert.isFalse(inbound.push(Uint8Array.of(2, 3)));
      assert.deepStrictEqual([...(yield* Fiber.join(reading))], [1, 2]);
      const pull = yield* inbound.receive(numbers);
      assert.strictEqual(source.resumed, 2);
      assert.deepStrictEqual([...(yield* pull)], [3]);
    }),
  );

  it.effect("keeps copies, not views, of what is read before receive", () =>
    Effect.gen(function* () {
      const { inbound } = make();
      const reading = yield* Effect.forkChild(inbound.read(1), { startImmediately: true });
      const lent = Uint8Array.of(1, 2, 3);
      inbound.push(lent);
      lent.fill(0);
      assert.deepStrictEqual([...(yield* Fiber.join(reading))], [1]);
      assert.deepStrictEqual([...(yield* inbound.read(2))], [2, 3]);
    }),
  );

  it.effect("pauses when more than its bound of messages wait, and goes on when they are pulled", () =>
    Effect.gen(function* () {
      const { source, inbound } = make();
      const pull = yield* inbound.receive(numbers);
      assert.isTrue(inbound.push(new Uint8Array(MAX_WAITING_MESSAGES)));
      assert.isFalse(inbound.push(new Uint8Array(1)));
      assert.strictEqual((yield* pull).length, MAX_WAITING_MESSAGES + 1);
      assert.strictEqual(source.resumed, 2);
    }),
  );

  it.effect("keeps reading while the waiting pull takes what comes at once", () =>
    Effect.gen(function* () {
      const { source, inbound } = make();
      const pull = yield* inbound.receive(numbers);
      const pulling = yield* Effect.forkChild(Effect.forever(pull), { startImmediately: true });
      assert.isTrue(inbound.push(new Uint8Array(2 * MAX_WAITING_MESSAGES)));
      yield* Fiber.interrupt(pulling);
      assert.isAtLeast(source.resumed, 1);
    }),
  );

  it.effect("wakes nobody for bytes that finish no message", () =>
    Effect.gen(function* () {
      const { inbound } = make();
      let pulls = 0;
      const pull = yield* inbound.receive((bytes, out: Array<number>) => {
        if (bytes.length > 1) out.push(bytes.length);
        return undefined;
      });
      const counted = Effect.suspend(() => {
        pulls++;
        return pull;
      });
      const pulling = yield* Effect.forkChild(counted, { startImmediately: true });
      inbound.push(Uint8Array.of(1));
      assert.isUndefined(pulling.pollUnsafe());
      inbound.push(Uint8Array.of(1, 2));
      assert.deepStrictEqual(yield* Fiber.join(pulling), [2]);
      assert.strictEqual(pulls, 1);
    }),
  );

  it.effect("delivers what waits before the error that came after it", () =>
    Effect.gen(function* () {
      const { inbound } = make();
      const pull = yield* inbound.receive(numbers);
      inbound.push(Uint8Array.of(1, 2));
      inbound.end(reset);
      assert.isFalse(inbound.push(Uint8Array.of(3)));
      assert.deepStrictEqual(yield* pullAll(pull), { all: [1, 2], error: reset });
    }),
  );

  it.effect("lets no error change a clean end", () =>
    Effect.gen(function* () {
      const { inbound } = make();
      const pull = yield* inbound.receive(numbers);
      inbound.end(undefined);
      inbound.end(reset);
      assert.deepStrictEqual(yield* pullAll(pull), { all: [], error: undefined });
    }),
  );

  it.effect("decodes what was left over though the stream has ended", () =>
    Effect.gen(function* () {
      const { inbound } = make();
      const reading = yield* Effect.forkChild(inbound.read(1), { startImmediately: true });
      inbound.push(Uint8Array.of(1, 2, 3));
      yield* Fiber.join(reading);
      inbound.end(undefined);
      const pull = yield* inbound.receive(numbers);
      assert.deepStrictEqual(yield* pullAll(pull), { all: [2, 3], error: undefined });
    }),
  );

  const lengths = Schema.Array(Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 1, maximum: 300 }))));

  it.effect.prop(
    "hands out every byte once and in order, however they arrive and are taken",
    { arrivals: lengths, reads: lengths },
    ({ arrivals, reads }) =>
      Effect.gen(function* () {
        const source = { flowing: false };
        const inbound = makeInbound("10.0.0.1:1", () => {
          source.flowing = true;
        });
        const sent = pattern(arrivals.reduce((sum, length) => sum + length, 0));
        const taking = yield* Effect.forkChild(
          Effect.gen(function* () {
            const taken: Array<number> = [];
            for (const length of reads) {
              if (taken.length + length > sent.length) break;
              taken.push(...(yield* inbound.read(length)));
            }
            const { all, error } = yield* pullAll(yield* inbound.receive(numbers));
            return { taken: [...taken, ...all], error };
          }),
          { startImmediately: true },
        );
        const lent = new Uint8Array(300);
        let at = 0;
        for (const length of arrivals) {
          while (!source.flowing) yield* Effect.yieldNow;
          lent.set(sent.subarray(at, at + length));
          source.flowing = inbound.push(lent.subarray(0, length));
          lent.fill(0);
          at += length;
        }
        inbound.end(undefined);
        assert.deepStrictEqual(yield* Fiber.join(taking), { taken: [...sent], error: undefined });
      }),
  );
});
