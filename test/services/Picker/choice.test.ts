import { assert, describe, it } from "@effect/vitest";
import * as Bitfield from "../../../src/schema/bitfield.ts";
import type { PieceTable } from "../../../src/services/Picker/PieceTable.ts";
import { makeTable } from "../../../src/services/Picker/table.ts";

const range = (from: number, to: number): Array<number> => Array.from({ length: to - from }, (_, n) => from + n);

const bitsOf = (pieceCount: number, indices: Iterable<number>): Uint8Array => {
  const bits = Bitfield.make(pieceCount);
  for (const index of indices) Bitfield.set(bits, index);
  return bits;
};

/** A table in which the pieces of `have` are there. */
const table = (pieceCount: number, have: ReadonlyArray<number>): PieceTable =>
  makeTable({ pieceCount, order: "rarest", wanted: Bitfield.full(pieceCount), have: bitsOf(pieceCount, have) }, 7);

describe("the choice of a piece", () => {
  it("begins with pieces at random, however rare they are", () => {
    const subject = table(64, []);
    const seed = subject.addPeer();
    const other = subject.addPeer();
    subject.peerHasAll(seed);
    subject.peerHasBits(other, bitsOf(64, range(8, 64)));
    const seen = new Set(range(0, 200).map(() => subject.choose(seed)));
    assert.isTrue([...seen].some((index) => index >= 8));
    for (const index of range(60, 64)) subject.got(index);
    assert.isTrue(range(0, 50).every(() => subject.choose(seed) < 8));
  });

  it("breaks ties at random, and all of them are met", () => {
    const subject = table(16, range(0, 4));
    const seed = subject.addPeer();
    subject.peerHasAll(seed);
    const partial = subject.addPeer();
    subject.peerHasBits(partial, bitsOf(16, range(4, 12)));
    const rare = new Set(range(0, 400).map(() => subject.choose(seed)));
    assert.deepStrictEqual(
      [...rare].sort((a, b) => a - b),
      range(12, 16),
    );
    const common = new Set(range(0, 400).map(() => subject.choose(partial)));
    assert.deepStrictEqual(
      [...common].sort((a, b) => a - b),
      range(4, 12),
    );
  });

  it("finds what a peer with few of many pieces has", () => {
    const pieceCount = 20_000;
    const subject = table(pieceCount, range(0, 4));
    const common = subject.addPeer();
    subject.peerHasBits(common, bitsOf(pieceCount, range(4, pieceCount - 3)));
    const few = subject.addPeer();
    for (const index of [19_998, 11_000, 7, 3]) subject.peerHas(few, index);
    assert.strictEqual(subject.choose(few), 19_998);
    subject.open(19_998);
    assert.include([7, 11_000], subject.choose(few));
    subject.reopen(19_998);
    assert.strictEqual(subject.choose(few), 19_998);
    subject.peerHas(few, 19_999);
    const first = subject.choose(few);
    subject.open(first);
    assert.deepStrictEqual(
      new Set([first, subject.choose(few)]),
      new Set([19_998, 19_999]),
      "the other one of the same level is not passed over",
    );
  });

  it("does not look again at rare pieces that a peer lacks, until they may have come to it", () => {
    const pieceCount = 10_000;
    const subject = table(pieceCount, range(0, 4));
    const seed = subject.addPeer();
    subject.peerHasAll(seed);
    const common = bitsOf(pieceCount, range(5_000, pieceCount));
    const [half, third] = [subject.addPeer(), subject.addPeer()];
    subject.peerHasBits(half, common);
    subject.peerHasBits(third, common);
    assert.isAtLeast(subject.choose(half), 5_000);
    subject.peerHas(half, 10);
    assert.strictEqual(subject.choose(half), 10, "it got a rarer one");
    subject.open(10);
    assert.isAtLeast(subject.choose(half), 5_000);
    subject.peerLost(third, 6_000);
    assert.strictEqual(subject.choose(half), 6_000, "one became rarer");
    subject.open(6_000);
    assert.isAtLeast(subject.choose(half), 5_000);
    subject.reopen(10);
    assert.strictEqual(subject.choose(half), 10, "one may be chosen again");
  });
});
