import { assert, describe, it } from "@effect/vitest";
import * as Schema from "effect/Schema";
import { LEAF_BLOCK, layerRoot, NODE_LENGTH } from "../../src/schema/merkle.ts";
import type { PieceDigest } from "../../src/schema/pieceHashes.ts";
import { digests } from "../../src/services/digests.ts";
import { digestInOrder, readsOf } from "../../src/services/pieceDigest.ts";

const Int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }));

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("hex");

/** The node of so many levels over bytes, leaves past the end zeros as BEP 52 has them: the slow way. */
const nodeOf = (bytes: Uint8Array, level: number): Uint8Array => {
  const leaves = new Uint8Array(2 ** level * NODE_LENGTH);
  for (let at = 0; at < bytes.length; at += LEAF_BLOCK) {
    leaves.set(digests.sha256(bytes.subarray(at, at + LEAF_BLOCK)), (at / LEAF_BLOCK) * NODE_LENGTH);
  }
  return layerRoot(leaves, 0, digests.sha256);
};

describe("digestInOrder", () => {
  it.prop(
    "tells the digests of all pieces, however their bytes come",
    {
      pieces: Schema.Array(
        Schema.Struct({
          length: Int(1, 5 * LEAF_BLOCK),
          gap: Int(0, 2 * LEAF_BLOCK),
          levels: Int(0, 3),
          digests: Schema.Literals(["v1", "v2", "hybrid"]),
        }),
      ).check(Schema.isMaxLength(4)),
      most: Int(1, 6),
    },
    ({ most, pieces }) => {
      const recipes = pieces.map(({ digests: made, gap, length, levels }) => ({
        length,
        ...(made !== "v2" && { padded: length + gap }),
        ...(made !== "v1" && { level: Math.ceil(Math.log2(Math.ceil(length / LEAF_BLOCK))) + levels }),
      }));
      const contents = recipes.map(({ length }, index) => new Uint8Array(length).map((_, at) => at * 7 + index));
      const found: Array<PieceDigest> = [];
      const take = digestInOrder(recipes, digests, (position, digest) => {
        assert.strictEqual(position, found.length);
        found.push(digest);
      });
      for (const content of contents) {
        for (let at = 0; at < content.length; at += most * LEAF_BLOCK)
          take(content.subarray(at, at + most * LEAF_BLOCK));
      }
      assert.deepStrictEqual(
        found.map(({ node, sha1 }) => ({ sha1: hex(sha1), node: hex(node) })),
        recipes.map(({ level, padded }, index) => {
          const content = contents[index] ?? assert.fail();
          const whole = new Uint8Array(padded ?? 0);
          if (padded !== undefined) whole.set(content);
          return {
            sha1: padded === undefined ? "" : hex(digests.sha1(whole)),
            node: level === undefined ? "" : hex(nodeOf(content, level)),
          };
        }),
      );
    },
    { arbitrary: { runs: 60 } },
  );

  it("refuses bytes after the last piece", () => {
    const take = digestInOrder([{ length: 3, padded: 3 }], digests, () => {});
    assert.throws(() => take(new Uint8Array(4)), /1 bytes after the last/);
  });
});

describe("readsOf", () => {
  it.prop(
    "covers all pieces in order, no read longer than asked, cut at pieces or at multiples of the length",
    {
      pieces: Schema.Array(Schema.Struct({ length: Int(1, 30), gap: Int(0, 2) })).check(Schema.isMaxLength(12)),
      most: Int(1, 12),
    },
    ({ most, pieces }) => {
      let end = 0;
      const laid = pieces.map(({ gap, length }) => {
        const offset = end + gap;
        end = offset + length;
        return { offset, length };
      });
      const reads = [...readsOf(laid, most)];
      const bytesOf = (runs: ReadonlyArray<{ readonly offset: number; readonly length: number }>) =>
        runs.flatMap(({ length, offset }) => Array.from({ length }, (_, at) => offset + at));
      assert.deepStrictEqual(bytesOf(reads), bytesOf(laid));
      for (const { length, offset } of reads) {
        assert.isAtMost(length, most);
        const piece = laid.find((one) => offset >= one.offset && offset < one.offset + one.length) ?? assert.fail();
        assert.strictEqual((offset - piece.offset) % most, 0);
      }
    },
  );

  it("puts small pieces together", () => {
    const pieces = [0, 4, 8, 12].map((offset) => ({ offset, length: 4 }));
    assert.deepStrictEqual(
      [...readsOf(pieces, 8)],
      [
        { offset: 0, length: 8 },
        { offset: 8, length: 8 },
      ],
    );
  });
});
