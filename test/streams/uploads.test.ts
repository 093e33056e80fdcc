import { assert, describe, it } from "@effect/vitest";
import { Deferred, Effect, Fiber } from "effect";
import { StorageError } from "../../src/schema/errors/StorageError.ts";
import { BLOCK_LENGTH, type BlockSpan } from "../../src/schema/block.ts";
import { makeDecoder } from "../../src/schema/wireDecoder.ts";
import type { Message } from "../../src/schema/message.ts";
import type { OpenStorage } from "../../src/services/Storage/Storage.ts";
import type { Connection } from "../../src/services/Transport/Transport.ts";
import { makeReadBuffers, makeUploads, type UploadsOptions } from "../../src/streams/uploads.ts";

const PIECE = 1024 * 1024;
const block = (at: number): BlockSpan => ({
  index: Math.floor((at * BLOCK_LENGTH) / PIECE),
  begin: (at * BLOCK_LENGTH) % PIECE,
  length: BLOCK_LENGTH,
});
const offsetOf = ({ index, begin }: BlockSpan): number => index * PIECE + begin;
const byteAt = (offset: number): number => (offset * 31 + (offset >>> 14)) & 0xff;

/** Uploads over a made-up disk and a connection that sends when it is let. */
const begin = (differs: Partial<UploadsOptions> = {}) =>
  Effect.gen(function* () {
    const reads: Array<readonly [offset: number, length: number]> = [];
    const writes: Array<number> = [];
    const pieces: Array<Message> = [];
    const gates: Array<Deferred.Deferred<void>> = [];
    const missing: Array<number> = [];
    let gone = Number.POSITIVE_INFINITY;
    let wrong = 0;
    let sent = 0;
    const into = new Uint8Array(PIECE);
    const decode = makeDecoder({
      blocks: {
        begin: (_index, _begin, length) => into.subarray(0, length),
        end: (index, begin, length) => {
          for (let n = 0; n < length; n++) if (into[n] !== byteAt(index * PIECE + begin + n)) wrong++;
          return true;
        },
      },
      maxBitfield: 0,
      maxExtended: 0,
    });
    const connection = {
      send: (chunks: ReadonlyArray<Uint8Array>) =>
        Effect.gen(function* () {
          writes.push(chunks.reduce((sum, { length }) => sum + length, 0));
          const gate = Deferred.makeUnsafe<void>();
          gates.push(gate);
          yield* Deferred.await(gate);
          for (const chunk of chunks) decode(chunk, pieces);
        }),
      // Of a connection uploads use nothing but `send`.
    } as unknown as Connection;
    const storage = {
      read: (offset: number, bytes: Uint8Array) =>
        Effect.suspend(() => {
          reads.push([offset, bytes.length]);
          if (offset + bytes.length > gone)
            return Effect.fail(new StorageError({ operation: "read", path: "/d", reason: { _tag: "Missing" } }));
          for (let n = 0; n < bytes.length; n++) bytes[n] = byteAt(offset + n);
          return Effect.void;
        }),
      // Of the storage they use nothing but `read`.
    } as unknown as OpenStorage;
    const uploads = makeUploads({
      connection,
      buffers: makeReadBuffers(),
      limit: 100,
      most: () => Number.POSITIVE_INFINITY,
      storage: () => storage,
      offsetOf,
      now: () => 0,
      read: () => undefined,
      sent: (bytes) => (sent += bytes),
      missing: ({ index, begin }) => void missing.push((index * PIECE + begin) / BLOCK_LENGTH),
      ...differs,
    });
    const fiber = yield* Effect.forkChild(uploads.serve, { startImmediately: true });
    const settle = Effect.repeat(Effect.yieldNow, { times: 20 });
    return {
      uploads,
      fiber,
      reads,
      writes,
      missing,
      settle,
      /** Lets the oldest write through. */
      pass: Effect.suspend(() =>
        Effect.andThen(Deferred.succeed(gates.shift() ?? Deferred.makeUnsafe<void>(), undefined), settle),
      ),
      cut: (offset: number) => (gone = offset),
      sent: () => sent,
      wrong: () => wrong,
      blocks: () => pieces.flatMap((m) => (m._tag === "Piece" ? [(m.index * PIECE + m.begin) / BLOCK_LENGTH] : [])),
    };
  });

describe("uploads", () => {
  it.effect("answers requests that follow each other with one read and one write", () =>
    Effect.gen(function* () {
      const t = yield* begin();
      for (const at of [4, 5, 6]) t.uploads.add(block(at));
      yield* t.settle;
      yield* t.pass;
      assert.deepStrictEqual(t.reads, [[4 * BLOCK_LENGTH, 3 * BLOCK_LENGTH]]);
      assert.deepStrictEqual(t.writes, [3 * (BLOCK_LENGTH + 13)]);
      assert.deepStrictEqual([t.blocks(), t.wrong(), t.sent()], [[4, 5, 6], 0, 3 * BLOCK_LENGTH]);
    }),
  );

  it.effect("reads one run ahead of the one that is being sent, and no more", () =>
    Effect.gen(function* () {
      const t = yield* begin();
      for (const at of [0, 10, 20, 30]) t.uploads.add(block(at));
      yield* t.settle;
      assert.strictEqual(t.reads.length, 2);
      assert.strictEqual(t.writes.length, 1);
      for (let n = 0; n < 4; n++) yield* t.pass;
      assert.deepStrictEqual([t.blocks(), t.wrong()], [[0, 10, 20, 30], 0]);
    }),
  );

  it.effect("sends more at once to a peer that takes it quickly, and little to a slow one", () =>
    Effect.gen(function* () {
      for (const [millis, runs] of [
        [0, [3, 64, 26]],
        [300, [3, 3, 3]],
      ] as const) {
        let now = 0;
        const t = yield* begin({ now: () => (now += millis) });
        for (let at = 0; at < 96; at++) t.uploads.add(block(at));
        yield* t.settle;
        for (let n = 0; n < 4; n++) yield* t.pass;
        const blocks = t.reads.map(([, length]) => length / BLOCK_LENGTH);
        // The second run was read before the first was sent.
        assert.deepStrictEqual([blocks[0], ...blocks.slice(2, 4)], [...runs]);
        yield* Fiber.interrupt(t.fiber);
      }
    }),
  );

  it.effect("honours a cancel until the block is on its way", () =>
    Effect.gen(function* () {
      const t = yield* begin();
      for (const at of [0, 10, 11, 12, 20]) t.uploads.add(block(at));
      yield* t.settle;
      assert.isFalse(t.uploads.cancel(block(0)));
      assert.isTrue(t.uploads.cancel(block(11)));
      assert.isTrue(t.uploads.cancel(block(20)));
      for (let n = 0; n < 3; n++) yield* t.pass;
      assert.deepStrictEqual([t.blocks(), t.wrong(), t.sent()], [[0, 10, 12], 0, 3 * BLOCK_LENGTH]);
    }),
  );

  it.effect("gives back what is not to be kept, read or not", () =>
    Effect.gen(function* () {
      const t = yield* begin();
      for (const at of [0, 10, 11, 20]) t.uploads.add(block(at));
      yield* t.settle;
      const cleared = t.uploads.clear(({ begin }) => begin === block(11).begin);
      assert.deepStrictEqual(
        cleared.map(({ begin }) => begin / BLOCK_LENGTH),
        [10, 20],
      );
      for (let n = 0; n < 3; n++) yield* t.pass;
      assert.deepStrictEqual([t.blocks(), t.wrong()], [[0, 11], 0]);
    }),
  );

  it.effect("takes no more requests than may wait", () =>
    Effect.gen(function* () {
      const t = yield* begin({ limit: 2 });
      assert.deepStrictEqual(
        [0, 10, 20].map((at) => t.uploads.add(block(at))),
        [true, true, false],
      );
    }),
  );

  it.effect("answers what is there of a run of which something is missing, and names the rest", () =>
    Effect.gen(function* () {
      const t = yield* begin();
      t.cut(2 * BLOCK_LENGTH);
      for (const at of [0, 1, 2]) t.uploads.add(block(at));
      yield* t.settle;
      for (let n = 0; n < 4; n++) yield* t.pass;
      assert.deepStrictEqual([t.blocks(), t.missing, t.wrong()], [[0, 1], [2], 0]);
    }),
  );

  it.effect("forgets the buffers of a connection that ends while it sends", () =>
    Effect.gen(function* () {
      const buffers = makeReadBuffers();
      let out = 0;
      const counting = {
        take: () => {
          out++;
          return buffers.take();
        },
        give: (buffer: Uint8Array) => {
          out--;
          buffers.give(buffer);
        },
        forget: () => {
          out--;
          buffers.forget();
        },
      };
      const t = yield* begin({ buffers: counting });
      for (let at = 0; at < 60; at++) t.uploads.add(block(at));
      yield* t.settle;
      yield* t.pass;
      yield* t.pass;
      assert.isAbove(out, 0);
      yield* Fiber.interrupt(t.fiber);
      assert.strictEqual(out, 0);
    }),
  );
});
