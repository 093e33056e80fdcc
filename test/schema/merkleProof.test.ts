import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import { Hex } from "effect/encoding";
import { type HashRange, uncleCount } from "../../src/schema/hashRange.ts";
import { LEAF_BLOCK, layerRoot, NODE_LENGTH, nodeOver, rootAbove } from "../../src/schema/merkle.ts";
import { hashesOf, isWithin, makeNodes, treeHeight } from "../../src/schema/merkleProof.ts";
import { digests } from "../support/digests.ts";
import { describeFixtures, vectors } from "../support/fixtures.ts";

const { sha256 } = digests;
const between = (minimum: number, maximum: number) =>
  Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum, maximum })));

/** Any number of a message, small ones often. */
const U32 = Schema.Union([between(0, 40), between(0, 0xffff_ffff)]);

/** A layer of `count` nodes that are all different. */
const layerOf = (count: number): Uint8Array => {
  const layer = new Uint8Array(count * NODE_LENGTH);
  for (let i = 0; i < count; i++) layer.set(sha256(Uint8Array.of(i, i >> 8)), i * NODE_LENGTH);
  return layer;
};

/** A tree over a layer, as a file has it. */
const treeOf = (count: number, base: number) => {
  const layer = layerOf(count);
  const height = base + Math.ceil(Math.log2(count));
  return { layer, height, root: layerRoot(layer, base, sha256), nodes: makeNodes({ layer, base, height, sha256 }) };
};

/** What the hashes that answer a range prove. */
const provenNode = ({ base, index, length }: HashRange, hashes: Uint8Array): Uint8Array => {
  const at = length * NODE_LENGTH;
  const over = nodeOver(hashes.subarray(0, at), base, base + Math.log2(length), sha256);
  return rootAbove(over, index / length, hashes.subarray(at), sha256);
};

const rangeOf = (root: Uint8Array, at: Omit<HashRange, "root">): HashRange => ({ root, ...at });

describe("merkleProof", () => {
  it("knows the height of a tree", () => {
    const lengths = [1, LEAF_BLOCK, LEAF_BLOCK + 1, 2 * LEAF_BLOCK, 3 * LEAF_BLOCK, 1024 * 1024];
    assert.deepStrictEqual(lengths.map(treeHeight), [0, 0, 1, 1, 2, 6]);
  });

  it("counts the hashes that prove a run as BEP 52 does", () => {
    assert.strictEqual(uncleCount({ length: 16, proofLayers: 3 }), 0);
    assert.strictEqual(uncleCount({ length: 4, proofLayers: 3 }), 2);
    assert.strictEqual(uncleCount({ length: 2, proofLayers: 0 }), 0);
  });

  it.prop(
    "proves every range that it answers up to the root, and up to the layer that was asked for",
    { count: between(2, 700), base: between(0, 10), size: between(1, 9), at: between(0, 1000), less: between(0, 9) },
    ({ count, base, size, at: where, less }) => {
      const { height, nodes, root } = treeOf(count, base);
      const length = 2 ** Math.min(size, height - base);
      const width = 2 ** (height - base);
      const index = (where % (width / length)) * length;
      const proofLayers = Math.max(0, height - base - 1 - less);
      const range = rangeOf(root, { base, index, length, proofLayers });
      assert.isTrue(isWithin(range, height));
      const hashes = hashesOf(range, nodes);
      assert.isDefined(hashes);
      assert.strictEqual(hashes.length, (length + uncleCount(range)) * NODE_LENGTH);
      const proven = provenNode(range, hashes);
      const layer = base + Math.log2(length) + uncleCount(range);
      const at = Math.floor(index / 2 ** (layer - base));
      assert.strictEqual(Hex.encode(proven), Hex.encode(nodes(layer, at) ?? assert.fail("outside")));
      if (less === 0) assert.strictEqual(Hex.encode(proven), Hex.encode(root));
      for (const byte of [0, hashes.length - 1]) {
        const wrong = Uint8Array.from(hashes);
        wrong[byte] = (wrong[byte] ?? 0) ^ 1;
        assert.notStrictEqual(Hex.encode(provenNode(range, wrong)), Hex.encode(proven));
      }
    },
    { arbitrary: { runs: 100 } },
  );

  it.prop(
    "answers any range at all within its bounds or not at all",
    {
      count: between(1, 40),
      base: between(0, 3),
      range: Schema.Struct({ base: U32, index: U32, length: U32, proofLayers: U32 }),
    },
    ({ count, base, range: any }) => {
      const { height, nodes, root } = treeOf(count, base);
      const range = rangeOf(root, any);
      if (!isWithin(range, height) || range.base < base) return;
      assert.isAtMost(range.length, 2 ** (height - range.base));
      assert.strictEqual(hashesOf(range, nodes)?.length, (range.length + uncleCount(range)) * NODE_LENGTH);
    },
    { arbitrary: { runs: 500 } },
  );

  it("knows nothing below its layer nor outside the tree", () => {
    const { height, nodes, root } = treeOf(5, 2);
    assert.strictEqual(height, 5);
    assert.isUndefined(nodes(1, 0));
    assert.isUndefined(nodes(2, 8));
    assert.isUndefined(nodes(6, 0));
    assert.deepStrictEqual(nodes(5, 0), root);
    assert.isUndefined(hashesOf(rangeOf(root, { base: 0, index: 0, length: 2, proofLayers: 0 }), nodes));
  });

  it("has only the ranges that BEP 52 allows", () => {
    const root = new Uint8Array(NODE_LENGTH);
    const good = { base: 2, index: 4, length: 4, proofLayers: 2 };
    assert.isTrue(isWithin(rangeOf(root, good), 5));
    const bad: ReadonlyArray<Partial<typeof good>> = [
      { length: 1 },
      { length: 3 },
      { length: 16_384 },
      { index: 2 },
      { index: 8 },
      { base: 5 },
      { base: 6 },
      { proofLayers: 3 },
      { proofLayers: 0xffff_ffff },
      { index: 0xffff_fffc },
    ];
    for (const change of bad)
      assert.isFalse(isWithin(rangeOf(root, { ...good, ...change }), 5), JSON.stringify(change));
  });
});

describeFixtures("published roots", () => {
  const { rootsComputed } = vectors(
    "bep52_v2",
    Schema.Struct({
      rootsComputed: Schema.Struct({
        rows: Schema.Array(Schema.Struct({ length: Schema.Int, piecesRoot: Schema.String })),
      }),
    }),
  );
  for (const { length, piecesRoot } of rootsComputed.rows.filter(({ length }) => length > LEAF_BLOCK)) {
    it(`are proven by any two leaves of ${length} bytes`, () => {
      const content = new Uint8Array(length).map((_, i) => 31 * i + 7);
      const height = treeHeight(length);
      const leaves = new Uint8Array(Math.ceil(length / LEAF_BLOCK) * NODE_LENGTH);
      for (let at = 0; at < leaves.length; at += NODE_LENGTH) {
        const begin = (at / NODE_LENGTH) * LEAF_BLOCK;
        leaves.set(sha256(content.subarray(begin, begin + LEAF_BLOCK)), at);
      }
      const nodes = makeNodes({ layer: leaves, base: 0, height, sha256 });
      for (let index = 0; index < 2 ** height; index += 2) {
        const range = rangeOf(leaves, { base: 0, index, length: 2, proofLayers: height - 1 });
        const proven = provenNode(range, hashesOf(range, nodes) ?? assert.fail("unknown"));
        assert.strictEqual(Hex.encode(proven), piecesRoot);
      }
    });
  }
});
