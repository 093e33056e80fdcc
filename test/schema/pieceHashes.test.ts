import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import { pieceLength, pieceOffset } from "../../src/schema/geometry.ts";
import { makePieceHashes, type PieceDigest } from "../../src/schema/pieceHashes.ts";
import { Hasher } from "../../src/services/Hasher.ts";
import { makePieceDigests } from "../../src/services/pieceDigest.ts";
import * as Effect from "effect/Effect";
import { digests } from "../support/digests.ts";
import { makeTreeFixture, type TreeFixture, layerOf, nodeOf } from "../support/trees.ts";

const BLOCK = 16_384;
const PIECE = 4 * BLOCK;

const { metainfo, ...rest } = makeTreeFixture(
  [
    ["a", 5 * PIECE + 3 * BLOCK + 7],
    ["b", 0],
    ["c", 2 * BLOCK + 1],
    ["d", PIECE],
    ["e", 1],
    ["f", 2 * PIECE + 1],
  ],
  { version: "hybrid", pieceLength: PIECE, tailPad: true },
);
const hybrid: TreeFixture = { metainfo, ...rest };
const bare = makeTreeFixture(
  [...rest.content].map(([name, bytes]) => [name, bytes.length] as const),
  {
    version: "v2",
    pieceLength: PIECE,
    bare: true,
  },
);

const { sha256 } = digests;

/** The digest of piece `index` of a fixture, one byte changed where `wrongAt` says so. */
const digestOf = Effect.fnUntraced(function* (
  { metainfo: { info }, bytes }: TreeFixture,
  index: number,
  wrongAt?: number,
) {
  const offset = pieceOffset(info, index);
  const piece = bytes.slice(offset, offset + pieceLength(info, index));
  if (wrongAt !== undefined) piece[wrongAt] = (piece[wrongAt] ?? 0) ^ 1;
  return makePieceDigests(info, yield* Hasher).of(index, piece);
}, Effect.provide(Hasher.layer));

const indices = Array.from({ length: metainfo.info.pieceCount }, (_, index) => index);
const first = bare.content.get("a") ?? assert.fail();
const layer = layerOf(first, PIECE);

describe("pieceHashes", () => {
  it.effect("verifies every piece of a hybrid by both hashes, files that are shorter than a piece too", () =>
    Effect.gen(function* () {
      const hashes = makePieceHashes(metainfo.info, sha256, metainfo.pieceLayers);
      assert.strictEqual(hashes.missing(), 0);
      assert.strictEqual(metainfo.info.pieceCount, 6 + 1 + 1 + 1 + 3);
      for (const index of indices) {
        const digest = yield* digestOf(hybrid, index);
        assert.deepStrictEqual(hashes.judge(index, digest), { _tag: "Verified" });
        assert.deepStrictEqual(hashes.judge(index, yield* digestOf(hybrid, index, 0)), { _tag: "Corrupt" });
        const { sha1, node } = yield* digestOf(hybrid, (index + 1) % indices.length);
        const half: PieceDigest = { ...digest, ...(sha1 && { sha1 }) };
        assert.deepStrictEqual(hashes.judge(index, half), { _tag: "Contradiction" });
        assert.deepStrictEqual(hashes.judge(index, { ...digest, ...(node && { node }) }), { _tag: "Contradiction" });
      }
    }),
  );

  it.effect("judges a hybrid without piece layers by SHA-1, and cannot judge v2 without", () =>
    Effect.gen(function* () {
      const alone = makePieceHashes(metainfo.info, sha256);
      const v2 = makePieceHashes(bare.metainfo.info, sha256);
      assert.strictEqual(v2.missing(), 6 + 3);
      assert.deepStrictEqual(v2.incomplete(), [0, 5]);
      assert.isTrue(alone.isKnown(0));
      assert.isFalse(v2.isKnown(0));
      assert.deepStrictEqual(alone.judge(0, yield* digestOf(hybrid, 0)), { _tag: "Verified" });
      assert.deepStrictEqual(v2.judge(0, yield* digestOf(bare, 0)), { _tag: "HashesMissing" });
      // A file that is not longer than a piece has its root for a hash.
      assert.isTrue(v2.isKnown(6));
      assert.deepStrictEqual(v2.judge(6, yield* digestOf(bare, 6)), { _tag: "Verified" });
    }),
  );

  it.effect("learns a layer as a whole, and gives it and what is to be kept of it", () =>
    Effect.gen(function* () {
      const { info } = bare.metainfo;
      const hashes = makePieceHashes(info, sha256);
      const wrong = Uint8Array.from(layer);
      wrong[40] = (wrong[40] ?? 0) ^ 1;
      assert.isUndefined(hashes.learnLayer(0, { first: 0, nodes: wrong }));
      assert.isUndefined(hashes.learnLayer(0, { first: 0, nodes: layer.subarray(0, 5 * 32) }));
      assert.isUndefined(hashes.learnLayer(1, { first: 0, nodes: layer }));
      assert.isUndefined(hashes.learnLayer(99, { first: 0, nodes: layer }));
      assert.isUndefined(hashes.layerOf(0));
      assert.deepStrictEqual(hashes.learnLayer(0, { first: 0, nodes: layer }), [0, 1, 2, 3, 4, 5]);
      assert.deepStrictEqual(hashes.learnLayer(0, { first: 0, nodes: layer }), []);
      assert.strictEqual(hashes.missing(), 3);
      assert.deepStrictEqual(Uint8Array.from(hashes.layerOf(0) ?? []), Uint8Array.from(layer));
      assert.deepStrictEqual(Uint8Array.from(hashes.layerOf(2) ?? []), info.files[2]?.piecesRoot);
      for (const index of [0, 5])
        assert.strictEqual(hashes.judge(index, yield* digestOf(bare, index))._tag, "Verified");
      assert.deepStrictEqual(Uint8Array.from(hashes.saved().subarray(0, 6 * 32)), Uint8Array.from(layer));
      assert.strictEqual(hashes.saved().length, 32 * info.pieceCount);
    }),
  );

  it("learns a layer in parts with their uncles, and takes none that is proven by another place", () => {
    const hashes = makePieceHashes(bare.metainfo.info, sha256);
    const padded = new Uint8Array(8 * 32);
    padded.set(layer);
    const pad = nodeOf(new Uint8Array(0), PIECE / BLOCK);
    padded.set(pad, 6 * 32);
    padded.set(pad, 7 * 32);
    const half = (from: number) => padded.subarray(from * 32, (from + 4) * 32);
    const over = (nodes: Uint8Array): Uint8Array =>
      nodes.length === 32
        ? nodes
        : sha256(Buffer.concat([over(nodes.subarray(0, nodes.length / 2)), over(nodes.subarray(nodes.length / 2))]));
    const upper = { first: 4, nodes: half(4), uncles: over(half(0)) };
    assert.isUndefined(hashes.learnLayer(0, { ...upper, first: 0 }));
    assert.isUndefined(hashes.learnLayer(0, { ...upper, first: 2 }));
    assert.isUndefined(hashes.learnLayer(0, { first: 4, nodes: half(4) }));
    // A node of a higher level is none of this one, though it leads to the root.
    assert.isUndefined(hashes.learnLayer(0, { first: 1, nodes: over(half(4)), uncles: over(half(0)) }));
    assert.deepStrictEqual(hashes.learnLayer(0, upper), [4, 5]);
    assert.isFalse(hashes.isKnown(3));
    const uncles = Buffer.concat([over(padded.subarray(0, 64)), over(half(4))]);
    assert.deepStrictEqual(hashes.learnLayer(0, { first: 2, nodes: padded.subarray(64, 128), uncles }), [2, 3]);
    assert.deepStrictEqual(hashes.incomplete(), [0, 5]);
  });

  it("learns the layer of all files with one root at once", () => {
    const twins = makeTreeFixture([["a", 2 * PIECE]], { version: "v2", pieceLength: PIECE, bare: true });
    const [file] = twins.metainfo.info.files;
    assert.isDefined(file);
    const info = { ...twins.metainfo.info, pieceCount: 4, files: [file, { ...file, offset: 2 * PIECE }] };
    const hashes = makePieceHashes(info, sha256);
    assert.deepStrictEqual(hashes.learnLayer(1, { first: 0, nodes: layerOf(twins.bytes, PIECE) }), [0, 1, 2, 3]);
    assert.strictEqual(hashes.missing(), 0);
  });

  it.effect("names the blocks that are wrong once their hashes are learnt", () =>
    Effect.gen(function* () {
      const hashes = makePieceHashes(metainfo.info, sha256, metainfo.pieceLayers);
      const right = (yield* digestOf(hybrid, 5)).leaves ?? assert.fail();
      const bad = yield* digestOf(hybrid, 5, 2 * BLOCK);
      assert.isFalse(hashes.learnLeaves(5, bad.leaves ?? assert.fail()));
      assert.isFalse(hashes.learnLeaves(5, right.subarray(32)));
      assert.deepStrictEqual(hashes.judge(5, bad), { _tag: "Corrupt" });
      assert.isTrue(hashes.learnLeaves(5, right));
      assert.deepStrictEqual(hashes.judge(5, bad), { _tag: "Corrupt", blocks: [2] });
      hashes.forgetLeaves(5);
      assert.deepStrictEqual(hashes.judge(5, bad), { _tag: "Corrupt" });
    }),
  );

  it.effect.prop(
    "verifies the pieces of any file and none with a byte changed",
    {
      length: Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 1, maximum: 9 * BLOCK }))),
      blocks: Schema.Literals([1, 2, 4]),
      seed: Schema.Int,
    },
    ({ length, blocks, seed }) =>
      Effect.gen(function* () {
        const made = makeTreeFixture([["x", length]], { version: "v2", pieceLength: blocks * BLOCK, seed });
        const { info, pieceLayers } = made.metainfo;
        const hashes = makePieceHashes(info, sha256, pieceLayers);
        for (let index = 0; index < info.pieceCount; index++) {
          assert.strictEqual(hashes.judge(index, yield* digestOf(made, index))._tag, "Verified");
          const last = pieceLength(info, index) - 1;
          assert.strictEqual(hashes.judge(index, yield* digestOf(made, index, last))._tag, "Corrupt");
        }
      }),
    { arbitrary: { runs: 30 } },
  );
});
