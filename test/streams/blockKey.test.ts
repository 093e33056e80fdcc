import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import { BLOCK_LENGTH } from "../../src/schema/block.ts";
import { beginOf, indexOf, keyOf } from "../../src/streams/assembler/blockKey.ts";

const below = (count: number) => Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: count - 1 })));

describe("blockKey", () => {
  it.prop(
    "gives piece and place back, up to the last block of the longest piece",
    [below(2_097_152), below(65_536)],
    ([index, block]) => {
      const key = keyOf(index, block * BLOCK_LENGTH);
      assert.isTrue(Number.isSafeInteger(key));
      assert.deepStrictEqual([indexOf(key), beginOf(key)], [index, block * BLOCK_LENGTH]);
    },
  );
});
