/** What every open `Connection` owes to those who use it; run against TCP on loopback and the in-memory network. */
import { assert } from "@effect/vitest";
import { Array as Arr, Effect, Exit, Fiber } from "effect";
import type { Scope } from "effect";
import { MAX_WAITING_MESSAGES, READ_BYTES } from "../../../src/services/Transport/limits.ts";
import type { Connection } from "../../../src/services/Transport/Transport.ts";
import { connect, copies, joined, numbers, pattern, pullAll, reasonOf, settle } from "./pair.ts";
import type { Pair, World } from "./pair.ts";

/** The most that any transport lends to a decoder at once. */
const MAX_LENT_BYTES = 262_144;

/** The tests; `test` runs one, `world` is made anew for each. */
export const connectionContract = (
  world: Effect.Effect<World, never, Scope.Scope>,
  test: (title: string, effect: Effect.Effect<void, unknown, Scope.Scope>) => void,
): void => {
  const withPair = (title: string, body: (pair: Pair) => Effect.Effect<void, unknown, Scope.Scope>) =>
    test(title, Effect.flatMap(Effect.flatMap(world, connect), body));

  withPair("tells both sides who they are", ({ dialled, accepted }) =>
    Effect.sync(() => {
      assert.strictEqual(String(accepted.remote), String(dialled.local));
      assert.strictEqual(String(accepted.local), String(dialled.remote));
      assert.deepStrictEqual([dialled.direction, accepted.direction], ["outgoing", "incoming"]);
    }),
  );

  withPair("reads a handshake in parts and keeps what comes after it for receive", ({ dialled, accepted }) =>
    Effect.gen(function* () {
      const sent = pattern(200);
      yield* dialled.send([sent.subarray(0, 30), sent.subarray(30)]);
      assert.deepStrictEqual(yield* accepted.read(20), sent.slice(0, 20));
      assert.deepStrictEqual(yield* accepted.read(48), sent.slice(20, 68));
      const pull = yield* accepted.receive(numbers);
      const got: Array<number> = [];
      while (got.length < 132) got.push(...(yield* pull));
      assert.deepStrictEqual(got, [...sent.subarray(68)]);
    }),
  );

  withPair("reads what arrives byte by byte", ({ dialled, accepted }) =>
    Effect.gen(function* () {
      const reading = yield* Effect.forkChild(accepted.read(5), { startImmediately: true });
      for (const byte of [1, 2, 3, 4, 5]) {
        yield* dialled.send([Uint8Array.of(byte)]);
        yield* Effect.yieldNow;
      }
      assert.deepStrictEqual([...(yield* Fiber.join(reading))], [1, 2, 3, 4, 5]);
    }),
  );

  withPair("fails a read with Closed when the stream ends first", ({ dialled, accepted, closeDialled }) =>
    Effect.gen(function* () {
      yield* dialled.send([Uint8Array.of(1, 2)]);
      yield* closeDialled;
      assert.strictEqual(reasonOf(yield* Effect.flip(accepted.read(3))), "Closed");
      assert.deepStrictEqual([...(yield* accepted.read(2))], [1, 2]);
    }),
  );

  withPair("carries both directions at once, in order", ({ dialled, accepted }) =>
    Effect.gen(function* () {
      const exchange = (from: Connection, to: Connection, sent: Uint8Array) =>
        Effect.gen(function* () {
          const sending = yield* Effect.forkChild(
            Effect.forEach([0, 1, 2, 3], (i) =>
              from.send([sent.subarray((i * sent.length) / 4, ((i + 1) * sent.length) / 4)]),
            ),
          );
          const pull = yield* to.receive(copies);
          const got: Array<Uint8Array> = [];
          for (let length = 0; length < sent.length;) {
            for (const chunk of yield* pull) {
              got.push(chunk);
              length += chunk.length;
            }
          }
          assert.isTrue(Buffer.from(joined(got)).equals(sent));
          yield* Fiber.join(sending);
        });
      yield* Effect.all(
        [exchange(dialled, accepted, pattern(3_000_000)), exchange(accepted, dialled, pattern(2_000_000, 7))],
        { concurrency: 2 },
      );
    }),
  );

  withPair("has taken the chunks when send completes", ({ dialled, accepted }) =>
    Effect.gen(function* () {
      const sent = pattern(500_000);
      const buffer = sent.slice();
      const receiving = yield* Effect.forkChild(
        Effect.flatMap(accepted.receive(copies), (pull) => pullAll(pull)),
        { startImmediately: true },
      );
      yield* dialled.send([buffer.subarray(0, 13), buffer.subarray(13)]);
      buffer.fill(0);
      yield* dialled.send([]);
      yield* dialled.send([Uint8Array.of(9)]);
      const pull = yield* dialled.receive(numbers);
      const ending = yield* Effect.forkChild(pullAll(pull));
      yield* Effect.yieldNow;
      assert.isTrue(dialled.sendUnsafe(new Uint8Array(0)));
      yield* Fiber.interrupt(ending);
      yield* Fiber.interrupt(receiving);
    }),
  );

  withPair("ends cleanly after the last message, though both come in one tick", ({ dialled, accepted, closeDialled }) =>
    Effect.gen(function* () {
      const pull = yield* accepted.receive(numbers);
      const pulling = yield* Effect.forkChild(pullAll(pull), { startImmediately: true });
      dialled.sendUnsafe(Uint8Array.of(1, 2, 3));
      yield* closeDialled;
      assert.deepStrictEqual(yield* Fiber.join(pulling), { all: [1, 2, 3], error: undefined });
      assert.strictEqual((yield* pullAll(pull)).error, undefined);
    }),
  );

  withPair("delivers all that waited when the end came while it was paused", ({ dialled, accepted, closeDialled }) =>
    Effect.gen(function* () {
      const sent = pattern(4 * MAX_WAITING_MESSAGES);
      const pull = yield* accepted.receive(numbers);
      yield* dialled.send([sent.subarray(0, 2 * MAX_WAITING_MESSAGES)]);
      yield* dialled.send([sent.subarray(2 * MAX_WAITING_MESSAGES)]);
      yield* closeDialled;
      yield* settle(() => undefined);
      assert.deepStrictEqual(yield* pullAll(pull), { all: [...sent], error: undefined });
    }),
  );

  withPair("resets the other side when closed with bytes unread", ({ dialled, accepted, closeDialled }) =>
    Effect.gen(function* () {
      const sending = yield* Effect.forkChild(Effect.exit(accepted.send([pattern(400_000)])));
      yield* dialled.read(1);
      yield* settle(() => undefined);
      const pull = yield* accepted.receive(numbers);
      yield* closeDialled;
      assert.strictEqual(reasonOf((yield* pullAll(pull)).error), "Reset");
      yield* Fiber.join(sending);
      assert.isFalse(accepted.sendUnsafe(Uint8Array.of(1)));
      assert.strictEqual(reasonOf(yield* Effect.flip(accepted.send([Uint8Array.of(1)]))), "Reset");
      assert.strictEqual(reasonOf(yield* Effect.flip(accepted.drained)), "Reset");
    }),
  );

  withPair("ignores what is sent after the end", ({ accepted, closeDialled }) =>
    Effect.gen(function* () {
      const pull = yield* accepted.receive(numbers);
      yield* closeDialled;
      assert.deepStrictEqual(yield* pullAll(pull), { all: [], error: undefined });
      assert.isFalse(accepted.sendUnsafe(Uint8Array.of(1)));
      assert.strictEqual(reasonOf(yield* Effect.flip(accepted.drained)), "Closed");
      assert.strictEqual(reasonOf(yield* Effect.flip(accepted.send([Uint8Array.of(1)]))), "Closed");
    }),
  );

  withPair("fails a waiting send when the other side goes away", ({ dialled, accepted, closeAccepted }) =>
    Effect.gen(function* () {
      const sending = yield* Effect.forkChild(Effect.flip(Effect.forever(dialled.send([pattern(1_000_000)]))), {
        startImmediately: true,
      });
      yield* accepted.read(1);
      yield* closeAccepted;
      assert.include(["Reset", "Closed"], reasonOf(yield* Fiber.join(sending)));
    }),
  );

  withPair("delivers the messages before a decode error, then only the error", ({ dialled, accepted }) =>
    Effect.gen(function* () {
      const pull = yield* accepted.receive((bytes, out: Array<number>) => {
        for (const byte of bytes) {
          if (byte === 13) return "unlucky" as const;
          out.push(byte);
        }
        return undefined;
      });
      yield* dialled.send([Uint8Array.of(1, 2, 13, 4)]);
      yield* dialled.send([Uint8Array.of(5)]);
      const pulled = yield* pullAll(pull);
      assert.deepStrictEqual(pulled, { all: [1, 2], error: "unlucky" });
      assert.strictEqual((yield* pullAll(pull)).error, "unlucky");
    }),
  );

  withPair("loses nothing with a pull that is interrupted", ({ dialled, accepted }) =>
    Effect.gen(function* () {
      const pull = yield* accepted.receive(numbers);
      const got: Array<number> = [];
      for (let n = 0; n < 20; n++) {
        const pulling = yield* Effect.forkChild(pull, { startImmediately: true });
        dialled.sendUnsafe(Uint8Array.of(n));
        if (n % 2 === 1) yield* Effect.yieldNow;
        const exit = yield* Effect.andThen(Fiber.interrupt(pulling), Fiber.await(pulling));
        if (Exit.isSuccess(exit)) got.push(...exit.value);
      }
      while (got.length < 20) got.push(...(yield* pull));
      assert.deepStrictEqual(
        got,
        Arr.makeBy(20, (n) => n),
      );
    }),
  );

  withPair("stops reading when messages wait, and the sender with it", ({ dialled, accepted }) =>
    Effect.gen(function* () {
      const chunk = pattern(READ_BYTES);
      const most = 1024;
      let sent = 0;
      let isEnough = false;
      let decoded = 0;
      let mostWaiting = 0;
      const pull = yield* accepted.receive((bytes, out: Array<number>) => {
        decoded += bytes.length;
        mostWaiting = Math.max(mostWaiting, out.length);
        numbers(bytes, out);
        return undefined;
      });
      const sending = yield* Effect.forkChild(
        Effect.whileLoop({
          while: () => sent < most && !isEnough,
          body: () => {
            sent++;
            return dialled.sendUnsafe(chunk) ? Effect.void : dialled.drained;
          },
          step: () => undefined,
        }),
        { startImmediately: true },
      );
      yield* settle(() => sent);
      assert.isBelow(sent, most);
      assert.isAtMost(decoded, MAX_LENT_BYTES);
      isEnough = true;
      let pulled = 0;
      while (pulled < sent * READ_BYTES) pulled += (yield* pull).length;
      yield* Fiber.join(sending);
      assert.strictEqual(decoded, sent * READ_BYTES);
      assert.isAtMost(mostWaiting, MAX_WAITING_MESSAGES);
    }),
  );
};
