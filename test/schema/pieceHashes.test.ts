import { assert, describe, it } from "@effect/vitest";
import { isHashOf, PIECE_HASH_LENGTH } from "../../src/schema/pieceHashes.ts";

describe("pieceHashes", () => {
  const hashes = Uint8Array.from({ length: 2 * PIECE_HASH_LENGTH }, (_, at) => at);
  const second = hashes.subarray(PIECE_HASH_LENGTH);

  it("knows the hash of a piece by its place", () => {
    assert.isTrue(isHashOf(hashes, 1, second));
    assert.isFalse(isHashOf(hashes, 0, second));
    assert.isFalse(
      isHashOf(
        hashes,
        1,
        Uint8Array.from(second, (byte, at) => (at === 19 ? byte ^ 1 : byte)),
      ),
    );
  });

  it("takes nothing for the hash of a piece that there is not", () => {
    assert.isFalse(isHashOf(hashes, 2, second));
    assert.isFalse(isHashOf(hashes, 2, new Uint8Array(0)));
    assert.isFalse(isHashOf(hashes, 1, second.subarray(1)));
  });
});
