import { assert, describe, it } from "@effect/vitest";
import * as Bitfield from "../../src/schema/bitfield.ts";
import type { PieceTable } from "../../src/services/Picker/Picker.ts";
import { makeHoldings } from "../../src/streams/holdings.ts";

const COUNT = 12;

/** As much of a piece table as holdings use, for one peer. */
const makeTable = () => {
  let bits = Bitfield.make(COUNT);
  const table: Pick<PieceTable, "pieceCount" | "peerHas" | "peerHasBits" | "peerHasAll" | "peerLost"> = {
    pieceCount: COUNT,
    peerHas: (_, index) => Bitfield.set(bits, index),
    peerHasBits: (_, given) => {
      bits = given.slice();
    },
    peerHasAll: () => {
      bits = Bitfield.full(COUNT);
    },
    peerLost: (_, index) => Bitfield.unset(bits, index),
  };
  return {
    // holdings use no more of it than this
    table: table as PieceTable,
    pieces: () => Array.from({ length: COUNT }, (_, index) => index).filter((index) => Bitfield.has(bits, index)),
  };
};

const bitsOf = (...pieces: ReadonlyArray<number>): Uint8Array => {
  const bits = Bitfield.make(COUNT);
  for (const index of pieces) Bitfield.set(bits, index);
  return bits;
};

describe("holdings", () => {
  for (const known of [true, false])
    it(`take a bitfield after others, ${known ? "with" : "without"} the metadata`, () => {
      const { table, pieces } = makeTable();
      const holdings = makeHoldings();
      if (known) holdings.attach(table, 0);
      assert.isUndefined(holdings.have(3));
      assert.isUndefined(holdings.bitfield(bitsOf(3, 5)));
      assert.isUndefined(holdings.bitfield(bitsOf(3, 5, 7)));
      if (!known) assert.isUndefined(holdings.attach(table, 0));
      assert.deepStrictEqual(pieces(), [3, 5, 7]);
    });

  it("refuse a word on everything after others", () => {
    for (const late of ["all", "none"] as const) {
      const holdings = makeHoldings();
      holdings.bitfield(bitsOf(1));
      assert.deepStrictEqual(holdings[late](), { _tag: "LateBitfield" });
    }
  });

  it("refuse a bitfield of the wrong length, at once or when the metadata comes", () => {
    const { table } = makeTable();
    const [early, late] = [makeHoldings(), makeHoldings()];
    late.attach(table, 0);
    assert.deepStrictEqual(late.bitfield(new Uint8Array(3)), { _tag: "BadBitfield" });
    assert.isUndefined(early.bitfield(new Uint8Array(3)));
    assert.deepStrictEqual(early.attach(table, 0), { _tag: "BadBitfield" });
  });
});
