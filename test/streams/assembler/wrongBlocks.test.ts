import { assert, describe, it } from "@effect/vitest";
import { BLOCK_LENGTH, type BlockSpan } from "../../../src/schema/block.ts";
import { blockNames as names, makeAssembling } from "../../support/assembling.ts";

describe("an assembler that is told which blocks are wrong", () => {
  it("fetches only the wrong blocks of a piece again, where they are known, from whoever asks", () => {
    const suspects = new Set([0]);
    const it = makeAssembling({
      pieceCount: 2,
      pieceLength: 12 * BLOCK_LENGTH,
      lastLength: 2 * BLOCK_LENGTH,
      leaves: true,
      suspect: (index) => suspects.has(index),
    });
    const [liar, honest, other] = [it.peer([0]), it.peer([0]), it.peer([0])];
    const isBad = ({ begin }: BlockSpan): boolean => begin === 2 * BLOCK_LENGTH || begin === 11 * BLOCK_LENGTH;
    for (const block of it.reserve(liar, 12))
      it.deliver(liar, block, isBad(block) ? new Uint8Array(block.length) : it.bytesOf(block));
    suspects.clear();
    const { backlog } = it.assembler;
    const [stored] = it.storeAll();
    assert.isFalse(stored?.good);
    assert.deepStrictEqual([backlog.size(), backlog.emptied()], [0, 1]);
    assert.strictEqual(it.assembler.buffersUsed(), 1);
    assert.strictEqual(it.table.unopened(), 1);
    assert.deepStrictEqual(
      stored?.piece.from.flatMap((from, block) => (from === undefined ? [block] : [])),
      [2, 11],
      "who sent what is free again is not known any more",
    );
    it.leave(liar);
    // Nobody is sought: both may be asked.
    const asked = [it.reserve(honest, 1), it.reserve(other, 9)];
    assert.deepStrictEqual(asked.map(names), [["0/2"], ["0/11"]]);
    for (const [at, from] of [honest, other].entries())
      for (const block of asked[at] ?? []) assert.isTrue(it.deliver(from, block));
    assert.strictEqual(backlog.size(), 1);
    assert.deepStrictEqual(
      it.storeAll().map(({ good }) => good),
      [true],
    );
    assert.deepStrictEqual([backlog.size(), backlog.emptied()], [0, 2]);
    assert.isTrue(it.isRight(0));
    assert.strictEqual(it.assembler.buffersUsed(), 0);
  });

  it("takes a wrong block again from who was late with it and delivers it now", () => {
    const it = makeAssembling({ pieceCount: 1, pieceLength: 3 * BLOCK_LENGTH, leaves: true });
    const [slow, liar] = [it.peer(), it.peer()];
    const [first, ...rest] = it.reserve(slow, 9);
    assert.isDefined(first);
    for (const block of rest) it.deliver(slow, block);
    slow.late = true;
    it.reserveLate(liar, 1);
    const taken = it.begin(liar, first);
    // Its place is taken: it comes in beside.
    it.begin(slow, first)?.set(it.bytesOf(first));
    taken?.fill(0xff);
    assert.isTrue(it.end(liar, first));
    assert.isFalse(it.storeAll().every(({ good }) => good));
    assert.isTrue(it.end(slow, first));
    assert.isTrue(it.storeAll().every(({ good }) => good));
    assert.isTrue(it.isRight(0));
  });

  it("gives up a piece of which everything is wrong, and one whose wrong blocks nobody has any more", () => {
    const it = makeAssembling({ pieceCount: 2, pieceLength: 2 * BLOCK_LENGTH, buffers: 1, leaves: true });
    const liar = it.peer([0]);
    for (const block of it.reserve(liar, 9)) it.deliver(liar, block, new Uint8Array(block.length));
    it.storeAll();
    assert.strictEqual(it.assembler.buffersUsed(), 0);
    assert.strictEqual(it.table.unopened(), 2);
    const [first, second] = it.reserve(liar, 9);
    assert.isDefined(first);
    assert.isDefined(second);
    it.deliver(liar, first);
    it.deliver(liar, second, new Uint8Array(second.length));
    it.storeAll();
    assert.strictEqual(it.assembler.buffersUsed(), 1);
    it.leave(liar);
    assert.deepStrictEqual(names(it.reserve(it.peer([1]), 9)), ["1/0", "1/1"]);
    assert.strictEqual(it.assembler.backlog.size(), 0);
  });
});
