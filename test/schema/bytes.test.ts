import { assert, describe, it } from "@effect/vitest";
import { concat, isSame } from "../../src/schema/bytes.ts";

describe("bytes", () => {
  it("puts parts together in order", () => {
    const parts = [Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3)];
    assert.deepStrictEqual(concat(parts), Uint8Array.of(1, 2, 3));
    assert.deepStrictEqual(concat([]), new Uint8Array(0));
  });

  it("takes bytes for the same only when all are", () => {
    const bytes = Uint8Array.of(1, 2, 3);
    assert.isTrue(isSame(bytes, Uint8Array.from(bytes)));
    assert.isFalse(isSame(bytes, Uint8Array.of(1, 2, 4)));
    assert.isFalse(isSame(bytes, Uint8Array.of(1, 2)));
    assert.isFalse(isSame(Uint8Array.of(1, 2), bytes));
  });
});
