import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import type { TorrentFile } from "../../src/schema/metainfo.ts";
import * as Bitfield from "../../src/schema/bitfield.ts";
import * as Geometry from "../../src/schema/geometry.ts";

/** Files of the given lengths, one after the other; a negative length makes a pad. */
const filesOf = (lengths: ReadonlyArray<number>): ReadonlyArray<TorrentFile> => {
  let offset = 0;
  return lengths.map((signed, index) => {
    const length = Math.abs(signed);
    const file = {
      path: [`f${index}`],
      length,
      offset,
      pad: signed < 0,
      executable: false,
      hidden: false,
    };
    offset += length;
    return file;
  });
};

const torrentOf = (lengths: ReadonlyArray<number>, pieceLength: number) => {
  const files = filesOf(lengths);
  const totalLength = files.reduce((sum, file) => sum + file.length, 0);
  return { version: "v1" as const, files, totalLength, pieceLength, pieceCount: Math.ceil(totalLength / pieceLength) };
};

const indices = (bits: Uint8Array, count: number): ReadonlyArray<number> =>
  Array.from({ length: count }, (_, i) => i).filter((i) => Bitfield.has(bits, i));

const Lengths = Schema.Array(Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 50 }))));
const PieceLength = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 1, maximum: 40 })));

describe("geometry", () => {
  const shape = torrentOf([100_001], 40_000);

  it("gives the last piece what is left", () => {
    assert.deepStrictEqual(
      [0, 1, 2].map((i) => Geometry.pieceLength(shape, i)),
      [40_000, 40_000, 20_001],
    );
    assert.strictEqual(Geometry.pieceOffset(shape, 2), 80_000);
  });

  it("has no bytes outside the torrent", () => {
    assert.strictEqual(Geometry.pieceLength(shape, 3), 0);
    assert.strictEqual(Geometry.pieceLength(shape, -1), 0);
    assert.strictEqual(Geometry.blockCount(shape, 3), 0);
    assert.strictEqual(Geometry.blockLength(shape, 2, 32_768), 0);
  });

  it("cuts a piece into blocks of which the last may be short", () => {
    assert.strictEqual(Geometry.blockCount(shape, 0), 3);
    assert.deepStrictEqual(
      [0, 16_384, 32_768].map((begin) => Geometry.blockLength(shape, 0, begin)),
      [16_384, 16_384, 7_232],
    );
    assert.strictEqual(Geometry.blockLength(shape, 2, 16_384), 3_617);
  });

  it("counts beyond 32 bits", () => {
    const large = torrentOf([2 ** 44], 2 ** 24);
    assert.strictEqual(Geometry.pieceOffset(large, 2 ** 20 - 1), 2 ** 44 - 2 ** 24);
    assert.deepStrictEqual(Geometry.piecesOf(large, { offset: 2 ** 40, length: 1 }), { first: 2 ** 16, last: 2 ** 16 });
  });

  it("finds the pieces of a file, none for an empty one", () => {
    assert.deepStrictEqual(Geometry.piecesOf(shape, { offset: 39_999, length: 2 }), { first: 0, last: 1 });
    assert.deepStrictEqual(Geometry.piecesOf(shape, { offset: 40_000, length: 40_000 }), { first: 1, last: 1 });
    assert.isUndefined(Geometry.piecesOf(shape, { offset: 5, length: 0 }));
  });

  describe("of v2 and hybrids", () => {
    const v2 = {
      version: "v2" as const,
      pieceLength: 40_000,
      pieceCount: 5,
      totalLength: 100_006,
      files: [
        { offset: 0, length: 100_000 },
        { offset: 100_000, length: 0 },
        { offset: 120_000, length: 5 },
        { offset: 160_000, length: 1 },
        { offset: 160_001, length: 0 },
      ],
    };
    const padded = [...v2.files.slice(0, 2), { offset: 100_000, length: 20_000 }, ...v2.files.slice(2)];
    const hybrid = { ...v2, version: "hybrid" as const, totalLength: 160_001, files: padded };

    it("ends pieces with their files", () => {
      for (const shape of [v2, hybrid]) {
        const lengths = [0, 1, 2, 3, 4, 5].map((index) => Geometry.pieceLength(shape, index));
        assert.deepStrictEqual(lengths, [40_000, 40_000, 20_000, 5, 1, 0]);
        assert.strictEqual(Geometry.blockCount(shape, 2), 2);
        assert.strictEqual(Geometry.blockLength(shape, 2, 16_384), 3_616);
        assert.strictEqual(Geometry.blockLength(shape, 2, 32_768), 0);
      }
      assert.deepStrictEqual(
        [0, 2, 3, 4].map((index) => Geometry.fileOf(v2, index)),
        [0, 0, 2, 3],
      );
    });

    it("lets peers have the zeros behind them", () => {
      const lengths = (shape: Geometry.Shape) => [0, 2, 3, 4, 5].map((index) => Geometry.paddedLength(shape, index));
      assert.deepStrictEqual(lengths(v2), [40_000, 40_000, 40_000, 40_000, 0]);
      assert.deepStrictEqual(lengths(hybrid), [40_000, 40_000, 40_000, 1, 0]);
    });

    it("leaves gaps out of what a range covers", () => {
      assert.deepStrictEqual(Geometry.fileSpans(v2.files, 99_999, 20_005), [
        { file: 0, offset: 99_999, length: 1 },
        { file: 2, offset: 0, length: 4 },
      ]);
    });
  });

  it("splits a range over files, empty ones left out", () => {
    const files = filesOf([10, 0, 5, 0, 20]);
    assert.deepStrictEqual(Geometry.fileSpans(files, 8, 10), [
      { file: 0, offset: 8, length: 2 },
      { file: 2, offset: 0, length: 5 },
      { file: 4, offset: 0, length: 3 },
    ]);
    assert.deepStrictEqual(Geometry.fileSpans(files, 35, 1), []);
    assert.deepStrictEqual(Geometry.fileSpans(files, 10, 0), []);
  });

  it("wants the pieces of the chosen files, with those they share, but none for pads", () => {
    const torrent = torrentOf([10, -6, 4, 30, 0], 8);
    assert.deepStrictEqual(indices(Geometry.wantedPieces(torrent), torrent.pieceCount), [0, 1, 2, 3, 4, 5, 6]);
    assert.deepStrictEqual(indices(Geometry.wantedPieces(torrent, [0]), torrent.pieceCount), [0, 1]);
    assert.deepStrictEqual(indices(Geometry.wantedPieces(torrent, [2, 4, 99]), torrent.pieceCount), [2]);
    assert.deepStrictEqual(indices(Geometry.wantedPieces(torrentOf([8, -16, 8], 8)), 4), [0, 3]);
  });

  it.prop(
    "places every byte of every piece in exactly one file",
    { lengths: Lengths, pieceLength: PieceLength },
    ({ lengths, pieceLength }) => {
      const torrent = torrentOf(lengths, pieceLength);
      const seen = torrent.files.map(() => 0);
      for (let piece = 0; piece < torrent.pieceCount; piece++) {
        const offset = Geometry.pieceOffset(torrent, piece);
        for (const span of Geometry.fileSpans(torrent.files, offset, Geometry.pieceLength(torrent, piece))) {
          assert.strictEqual(span.offset, seen[span.file]);
          seen[span.file] = span.offset + span.length;
          const range = Geometry.piecesOf(torrent, torrent.files[span.file] ?? { offset: 0, length: 0 });
          assert.isTrue(range !== undefined && range.first <= piece && piece <= range.last);
        }
      }
      assert.deepStrictEqual(
        seen,
        lengths.map((length) => length),
      );
    },
  );
});
