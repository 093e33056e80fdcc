import { assert, describe, it } from "@effect/vitest";
import type { BlockSpan } from "../../src/schema/block.ts";
import { encode, encodeHave, encodeRequests } from "../../src/schema/wire.ts";
import { decodeAll } from "../support/wire.ts";

describe("wire", () => {
  it("puts many requests in one run of bytes", () => {
    const blocks: ReadonlyArray<BlockSpan> = [
      { index: 0, begin: 0, length: 16384 },
      { index: 70_000, begin: 16384, length: 5 },
    ];
    assert.deepStrictEqual(
      decodeAll([encodeRequests(blocks)]).messages,
      blocks.map((block) => ({ _tag: "Request" as const, ...block })),
    );
    assert.strictEqual(encodeRequests([]).length, 0);
  });

  it("encodes a have like any other message", () => {
    assert.deepStrictEqual(encodeHave(0x01020304), encode({ _tag: "Have", index: 0x01020304 }));
  });
});
