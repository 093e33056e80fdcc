import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import { Hex } from "effect/encoding";
import { LEAF_BLOCK, layerRoot, NODE_LENGTH, padHash } from "../../src/schema/merkle.ts";
import { digests } from "../support/digests.ts";
import { describeFixtures, vectors } from "../support/fixtures.ts";

const { sha256 } = digests;

/** The hashes of a content's blocks. */
const leavesOf = (content: Uint8Array): Uint8Array => {
  const count = Math.ceil(content.length / LEAF_BLOCK);
  const leaves = new Uint8Array(count * NODE_LENGTH);
  for (let i = 0; i < count; i++) {
    leaves.set(sha256(content.subarray(i * LEAF_BLOCK, (i + 1) * LEAF_BLOCK)), i * NODE_LENGTH);
  }
  return leaves;
};

describe("layerRoot", () => {
  it("is the node itself where there is one, and the pad where there is none", () => {
    const node = new Uint8Array(NODE_LENGTH).fill(7);
    assert.deepStrictEqual(layerRoot(node, 0, sha256), node);
    assert.deepStrictEqual(layerRoot(new Uint8Array(), 0, sha256), new Uint8Array(NODE_LENGTH));
  });

  it("gives the same root from every level", () => {
    const content = new Uint8Array(11 * LEAF_BLOCK + 5).map((_, i) => i * 7);
    const root = Hex.encode(layerRoot(leavesOf(content), 0, sha256));
    for (const level of [1, 2, 3, 4]) {
      const width = LEAF_BLOCK * 2 ** level;
      const nodes: Array<number> = [];
      for (let at = 0; at < content.length; at += width) {
        let leaves = leavesOf(content.subarray(at, at + width));
        const full = new Uint8Array(2 ** level * NODE_LENGTH);
        full.set(leaves);
        leaves = full;
        nodes.push(...layerRoot(leaves, 0, sha256));
      }
      assert.strictEqual(Hex.encode(layerRoot(Uint8Array.from(nodes), level, sha256)), root);
    }
  });
});

describeFixtures("published merkle trees", () => {
  const { padHashes, rootsComputed } = vectors(
    "bep52_v2",
    Schema.Struct({
      rootsComputed: Schema.Struct({
        rows: Schema.Array(Schema.Struct({ length: Schema.Int, piecesRoot: Schema.String })),
      }),
      padHashes: Schema.Struct({ levels: Schema.Array(Schema.String) }),
    }),
  );

  it("has the pads of all levels", () => {
    assert.deepStrictEqual(
      padHashes.levels.map((_, level) => Hex.encode(padHash(level, sha256))),
      padHashes.levels,
    );
  });
  for (const { length, piecesRoot } of rootsComputed.rows) {
    it(`has the root of ${length} bytes`, () => {
      const content = new Uint8Array(length).map((_, i) => 31 * i + 7);
      assert.strictEqual(Hex.encode(layerRoot(leavesOf(content), 0, sha256)), piecesRoot);
    });
  }
});
