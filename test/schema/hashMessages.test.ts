import { assert, describe, it } from "@effect/vitest";
import { MAX_HASHES, RANGE_LENGTH } from "../../src/schema/hashRange.ts";
import { encode } from "../../src/schema/wire.ts";
import { concat, decodeAll, frame } from "../support/wire.ts";

const root = Uint8Array.from({ length: 32 }, (_, i) => i);

describe("messages about hashes", () => {
  it("are refused where the hashes are not as many as their range asks for, at the id where they are more than anybody asks for", () => {
    const hashes = (length: number, proofLayers: number, count: number): Uint8Array =>
      encode({
        _tag: "Hashes",
        range: { root, base: 0, index: 0, length, proofLayers },
        hashes: new Uint8Array(count),
      });
    for (const right of [hashes(2, 0, 64), hashes(2, 3, 64 + 96), hashes(8, 2, 256)])
      assert.strictEqual(decodeAll([right]).messages.length, 1);
    for (const wrong of [
      hashes(2, 0, 0),
      hashes(2, 0, 32),
      hashes(2, 0, 96),
      hashes(2, 3, 64),
      hashes(3, 0, 96),
      hashes(1, 0, 32),
      hashes(2, 0, 65),
    ]) {
      const { messages, violation } = decodeAll([concat([wrong, frame(0, [])])]);
      assert.deepStrictEqual(violation, { _tag: "BadLength", message: "hashes", length: wrong.length - 4 });
      assert.deepStrictEqual(messages, []);
    }
    const head = frame(22, []);
    new DataView(head.buffer).setUint32(0, MAX_HASHES + 2);
    assert.strictEqual(decodeAll([head]).violation?._tag, "BadLength");
    new DataView(head.buffer).setUint32(0, RANGE_LENGTH);
    assert.strictEqual(decodeAll([head]).violation?._tag, "BadLength");
  });
});
