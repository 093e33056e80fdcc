import { assert, describe, it } from "@effect/vitest";
import * as Bitfield from "../../src/schema/bitfield.ts";
import { makeTable } from "../../src/services/Picker/table.ts";
import { makeSuggested } from "../../src/streams/suggested.ts";

const pieceCount = 100;
const table = () =>
  makeTable({ pieceCount, order: "rarest", wanted: Bitfield.full(pieceCount), have: Bitfield.make(pieceCount) }, 7);

const indicesOf = (bits: Uint8Array | undefined): ReadonlyArray<number> =>
  Array.from({ length: pieceCount }, (_, index) => index).filter((index) => bits && Bitfield.has(bits, index));

describe("suggested", () => {
  it("are the pieces that are still to be fetched", () => {
    const pieces = table();
    const suggested = makeSuggested();
    assert.isUndefined(suggested.pieces(pieces));
    for (const index of [3, 50, 3]) suggested.suggest(index);
    assert.deepStrictEqual(indicesOf(suggested.pieces(pieces)), [3, 50]);
    pieces.got(3);
    assert.deepStrictEqual(indicesOf(suggested.pieces(pieces)), [50]);
    pieces.got(50);
    assert.isUndefined(suggested.pieces(pieces));
  });

  it("are the latest sixteen of however many", () => {
    const suggested = makeSuggested();
    for (let index = 0; index < pieceCount; index++) suggested.suggest(index);
    const kept = indicesOf(suggested.pieces(table()));
    assert.deepStrictEqual([kept.length, kept[0]], [16, pieceCount - 16]);
  });

  it("end the conversation when one is outside of the torrent, said before or after the metadata was known", () => {
    const outside = { _tag: "OutOfRange", message: "suggest", index: pieceCount } as const;
    const early = makeSuggested();
    assert.isUndefined(early.suggest(pieceCount));
    assert.deepStrictEqual(early.attach(pieceCount), outside);
    const late = makeSuggested();
    assert.isUndefined(late.suggest(pieceCount - 1));
    assert.isUndefined(late.attach(pieceCount));
    assert.deepStrictEqual(late.suggest(pieceCount), outside);
  });
});
