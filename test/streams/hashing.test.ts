import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Layer from "effect/Layer";
import * as TestClock from "effect/testing/TestClock";
import { StorageError } from "../../src/schema/errors/StorageError.ts";
import type { Shape } from "../../src/schema/geometry.ts";
import * as Bitfield from "../../src/schema/bitfield.ts";
import type { PieceDigest } from "../../src/schema/pieceHashes.ts";
import { digests } from "../../src/services/digests.ts";
import { Hasher } from "../../src/services/Hasher.ts";
import { type HashJob, HashThreads } from "../../src/services/HashThreads/HashThreads.ts";
import { digestInOrder } from "../../src/services/pieceDigest.ts";
import type { Read } from "../../src/services/Storage/Storage.ts";
import { hashPieces } from "../../src/streams/hashing.ts";

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("hex");

const MiB = 1024 * 1024;

/** A torrent of so many pieces. */
const shapeOf = (pieceCount: number, pieceLength: number): Shape => {
  const totalLength = pieceCount * pieceLength;
  return { version: "v1", pieceCount, pieceLength, totalLength, files: [{ offset: 0, length: totalLength }] };
};

/** A disk whose bytes are the number of their mebibyte, and which tells where they lie. */
const fill = (offset: number, into: Uint8Array): void => {
  for (let at = 0; at < into.length; at += MiB) into.fill((offset + at) / MiB, at, at + MiB);
};
const plain = (offset: number, into: Uint8Array) =>
  Effect.andThen(
    Effect.yieldNow,
    Effect.sync(() => fill(offset, into)),
  );
const places = (position: number, length: number) =>
  Effect.succeed([{ length, file: { path: "/disk", named: false, position } }]);
const read: Read = Object.assign(plain.bind(undefined), { places });

/** What a thread would answer. */
const answer = ({ pieces, places }: HashJob): ReadonlyArray<PieceDigest> => {
  const found: Array<PieceDigest> = [];
  const take = digestInOrder(pieces, digests, (_, digest) => void found.push(digest));
  for (const { file, length } of places) {
    const bytes = new Uint8Array(length);
    fill(file?.position ?? 0, bytes);
    take(bytes);
  }
  return found;
};

/** Threads that count themselves and do what `hash` does. */
const threads = (count: number, hash: (job: HashJob) => Effect.Effect<ReadonlyArray<PieceDigest> | undefined>) => {
  const seen = { started: 0, ended: 0, jobs: 0 };
  const start = Effect.acquireRelease(
    Effect.sync(() => {
      seen.started += 1;
      const counted = (job: HashJob) => Effect.suspend(() => ((seen.jobs += 1), hash(job)));
      return { hash: counted };
    }),
    () => Effect.sync(() => void (seen.ended += 1)),
  );
  return { seen, layer: Layer.succeed(HashThreads, { count, start }) };
};

const hashAll = (shape: Shape, from: Read = read) =>
  Effect.gen(function* () {
    const found = new Map<number, string>();
    const progress: Array<number> = [];
    yield* hashPieces({
      shape,
      storage: { read: from },
      pieces: Bitfield.full(shape.pieceCount),
      onDigest: (index, { sha1 }) => {
        assert.isFalse(found.has(index));
        found.set(index, hex(sha1));
      },
      onProgress: (done) => void progress.push(done),
    });
    assert.deepStrictEqual(
      progress.toSorted((a, b) => a - b),
      progress,
    );
    assert.strictEqual(progress.at(-1), shape.totalLength);
    return found;
  }).pipe(Effect.provide(Hasher.layer));

const expected = ({ pieceCount, pieceLength }: Shape) =>
  new Map(
    Array.from({ length: pieceCount }, (_, index) => {
      const bytes = new Uint8Array(pieceLength);
      fill(index * pieceLength, bytes);
      return [index, hex(digests.sha1(bytes))];
    }),
  );

const sorted = (found: ReadonlyMap<number, string>) => [...found].toSorted(([a], [b]) => a - b);

describe("hashing", () => {
  it.live("shares the pieces between the main thread and others", () =>
    Effect.gen(function* () {
      for (const [count, length] of [
        [96, MiB],
        [20, 5 * MiB],
      ] as const) {
        const pieces = shapeOf(count, length);
        const { layer, seen } = threads(7, (job) =>
          Effect.delay(
            Effect.sync(() => answer(job)),
            1,
          ),
        );
        assert.deepStrictEqual(sorted(yield* Effect.provide(hashAll(pieces), layer)), [...expected(pieces)]);
        assert.strictEqual(seen.started, 3, "one for each 32 MiB");
        assert.strictEqual(seen.ended, 3);
        assert.isAbove(seen.jobs, 3);
      }
    }),
  );

  it.effect("starts no thread for little, for a disk that is no file, or where there are none", () =>
    Effect.gen(function* () {
      const { layer, seen } = threads(7, () => Effect.die("unused"));
      const few = shapeOf(31, MiB);
      const many = shapeOf(64, MiB);
      assert.deepStrictEqual(yield* Effect.provide(hashAll(few), layer), expected(few));
      assert.deepStrictEqual(yield* Effect.provide(hashAll(many, plain), layer), expected(many));
      assert.deepStrictEqual(yield* hashAll(many), expected(many));
      assert.strictEqual(seen.started, 0);
    }),
  );

  it.effect("starts a thread for many small files, which take longer to open than to hash", () =>
    Effect.gen(function* () {
      const { layer, seen } = threads(7, (job) => Effect.sync(() => answer(job)));
      const files = Array.from({ length: 1024 }, (_, index) => ({ offset: index * 1024, length: 1024 }));
      yield* Effect.provide(hashAll({ ...shapeOf(1, MiB), files }), layer);
      assert.strictEqual(seen.started, 2);
    }),
  );

  it.effect("does itself what a thread cannot, and asks that one no more", () =>
    Effect.gen(function* () {
      const pieces = shapeOf(64, MiB);
      const { layer, seen } = threads(1, () => Effect.undefined);
      assert.deepStrictEqual(sorted(yield* Effect.provide(hashAll(pieces), layer)), [...expected(pieces)]);
      // two at a time
      assert.strictEqual(seen.jobs, 2);
    }),
  );

  it.effect("reads what is in memory on the main thread itself, and has the pool read where that takes long", () =>
    Effect.gen(function* () {
      const pieces = shapeOf(128, MiB);
      const run = Effect.fnUntraced(function* (reading: (asked: number) => number | undefined, probe = 0) {
        let asked = 0;
        const here = (job: HashJob) =>
          Effect.sync(() => {
            const millis = reading((asked += 1));
            return millis === undefined ? undefined : { digests: answer(job), reading: millis };
          });
        let pooled = 0;
        const counted: Read = Object.assign(
          (offset: number, into: Uint8Array) => {
            if (into.length === MiB) pooled += 1;
            return Effect.andThen(TestClock.adjust(probe), plain(offset, into));
          },
          { places },
        );
        const layer = Layer.succeed(HashThreads, { count: 0, start: Effect.die("unused"), here });
        assert.deepStrictEqual(sorted(yield* Effect.provide(hashAll(pieces, counted), layer)), [...expected(pieces)]);
        return { asked, pooled };
      });
      const quick = yield* run(() => 0.5);
      assert.strictEqual(quick.pooled, 0);
      const asleep = yield* run(() => 0.5, 20);
      assert.deepStrictEqual(asleep, { asked: 0, pooled: 128 });
      // Slower than it looked: seldom tried again.
      const slow = yield* run(() => 500);
      assert.isBelow(slow.asked, quick.asked / 2);
      assert.isAbove(slow.pooled, 64);
      // Once kept waiting, by whatever else the machine does.
      const once = yield* run((asked) => (asked === 1 ? 500 : 0.5));
      assert.isBelow(once.pooled, 40);
      const unreadable = yield* run(() => undefined);
      assert.strictEqual(unreadable.pooled, 128);
    }),
  );

  it.effect("does not take a disk for quick because it reads the same bytes of a large piece twice", () =>
    Effect.gen(function* () {
      const pieces = shapeOf(4, 2 * MiB);
      let asked = 0;
      const here = (job: HashJob) => Effect.sync(() => ((asked += 1), { digests: answer(job), reading: 500 }));
      const cached = new Set<number>();
      const disk: Read = Object.assign(
        (offset: number, into: Uint8Array) => {
          const page = Math.floor(offset / MiB);
          const waited = cached.has(page) ? 0 : 20;
          cached.add(page);
          return Effect.andThen(TestClock.adjust(waited), plain(offset, into));
        },
        { places },
      );
      const layer = Layer.succeed(HashThreads, { count: 0, start: Effect.die("unused"), here });
      assert.deepStrictEqual(sorted(yield* Effect.provide(hashAll(pieces, disk), layer)), [...expected(pieces)]);
      assert.strictEqual(asked, 0);
    }),
  );

  it.effect("fails with the disk, and ends the threads", () =>
    Effect.gen(function* () {
      const error = new StorageError({ operation: "read", path: "/disk", reason: { _tag: "Missing" } });
      const { layer, seen } = threads(2, () => Effect.never);
      const failing: Read = Object.assign(() => Effect.fail(error), { places });
      assert.strictEqual(yield* Effect.flip(Effect.provide(hashAll(shapeOf(64, MiB), failing), layer)), error);
      assert.deepStrictEqual([seen.started, seen.ended], [2, 2]);
    }),
  );

  it.effect("ends the threads when it is interrupted", () =>
    Effect.gen(function* () {
      const { layer, seen } = threads(2, () => Effect.never);
      const fiber = yield* Effect.forkChild(Effect.provide(hashAll(shapeOf(64, MiB)), layer), {
        startImmediately: true,
      });
      while (seen.jobs < 4) yield* Effect.yieldNow;
      yield* Fiber.interrupt(fiber);
      assert.deepStrictEqual([seen.started, seen.ended], [2, 2]);
    }),
  );
});
