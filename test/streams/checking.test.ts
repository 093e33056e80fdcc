import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import * as Bitfield from "../../src/schema/bitfield.ts";
import { makePieceHashes } from "../../src/schema/pieceHashes.ts";
import { Storage } from "../../src/services/Storage/Storage.ts";
import { checkPieces, writtenPieces } from "../../src/streams/checking.ts";
import { layoutOf } from "../../src/streams/output.ts";
import { digests } from "../support/digests.ts";
import { onMachine, torrentOf, type FileSpec } from "./disk.ts";

const lay = (specs: ReadonlyArray<FileSpec>, pieceLength: number) =>
  Effect.gen(function* () {
    const { info, bytes } = torrentOf(specs, { pieceLength });
    const selected = info.files.flatMap((file, index) => (file.pad ? [] : [index]));
    const layout = yield* layoutOf(info, "/d/name", { selected, record: Option.none(), asidePath: "/aside" });
    const storage = yield* (yield* Storage).open(layout);
    yield* storage.write(0, bytes);
    return { info, bytes, storage, hashes: makePieceHashes(info, digests.sha256) };
  });

const Length = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 60 })));

describe("checking", () => {
  it.effect.prop(
    "finds exactly the pieces that are good, of those it is asked about",
    {
      files: Schema.Array(Schema.Struct({ length: Length, pad: Schema.Boolean })).pipe(
        Schema.check(Schema.isMaxLength(8)),
      ),
      pieceLength: Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 1, maximum: 64 }))),
      bad: Schema.Array(Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 499 })))),
      asked: Schema.Array(Schema.Boolean),
    },
    ({ files, pieceLength, bad, asked }) =>
      onMachine(
        Effect.gen(function* () {
          const { info, bytes, hashes, storage } = yield* lay([{ length: 1 }, ...files], pieceLength);
          const wrong = new Set<number>();
          for (const at of bad.filter((at) => at < info.totalLength)) {
            if (info.files.some((f) => f.pad && at >= f.offset && at < f.offset + f.length)) continue;
            yield* storage.write(at, Uint8Array.of((bytes[at] ?? 0) ^ 0xff));
            wrong.add(Math.floor(at / pieceLength));
          }
          const pieces = Bitfield.make(info.pieceCount);
          const expected = Bitfield.make(info.pieceCount);
          for (let index = 0; index < info.pieceCount; index++) {
            if (asked[index] === false) continue;
            Bitfield.set(pieces, index);
            if (!wrong.has(index)) Bitfield.set(expected, index);
          }
          let last: readonly [number, number] = [0, 0];
          const onProgress = (done: number, total: number): void => {
            assert.isAtLeast(done, last[0]);
            last = [done, total];
          };
          assert.deepStrictEqual(yield* checkPieces({ info, hashes, storage, pieces, onProgress }), expected);
          assert.strictEqual(last[0], last[1]);
        }),
      ),
    { arbitrary: { runs: 60 } },
  );

  it.effect("hashes pieces that are longer than a read", () =>
    onMachine(
      Effect.gen(function* () {
        const MiB = 1024 * 1024;
        const { info, hashes, storage } = yield* lay([{ length: 11 * MiB }, { length: 3 * MiB }], 5 * MiB);
        const pieces = Bitfield.full(info.pieceCount);
        assert.deepStrictEqual(yield* checkPieces({ info, hashes, storage, pieces }), pieces);
        yield* storage.write(9 * MiB, new Uint8Array(1));
        assert.deepStrictEqual([...(yield* checkPieces({ info, hashes, storage, pieces }))], [0b1010_0000]);
      }),
    ),
  );

  it.effect("tells pieces that seem to be written from holes, among those it is asked about", () =>
    onMachine(
      Effect.gen(function* () {
        const { info, storage } = yield* lay([{ length: 100 }], 16);
        yield* storage.write(16, new Uint8Array(48));
        yield* storage.write(47, Uint8Array.of(1));
        const pieces = Bitfield.full(info.pieceCount);
        Bitfield.unset(pieces, 6);
        assert.deepStrictEqual([...(yield* writtenPieces({ info, storage, pieces }))], [0b1010_1100]);
      }),
    ),
  );

  it.effect("does nothing when there is nothing to do", () =>
    onMachine(
      Effect.gen(function* () {
        const { info, hashes, storage } = yield* lay([{ length: 100 }], 16);
        const none = Bitfield.make(info.pieceCount);
        assert.deepStrictEqual(yield* checkPieces({ info, hashes, storage, pieces: none }), none);
      }),
    ),
  );
});
