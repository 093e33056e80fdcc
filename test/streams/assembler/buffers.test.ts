/** Into which memory an assembler has blocks written, and when that is free again. */
import { assert, describe, it } from "@effect/vitest";
import { BLOCK_LENGTH } from "../../../src/schema/block.ts";
import { blockNames as names, makeAssembling } from "../../support/assembling.ts";

describe("assembler", () => {
  it("takes no block of a wrong length, of a closed piece, outside the piece or off its grid", () => {
    const it = makeAssembling({ pieceCount: 2, pieceLength: 2 * BLOCK_LENGTH });
    const peer = it.peer([0]);
    it.reserve(peer, 2);
    const { assembler } = it;
    assert.isUndefined(assembler.begin(peer, 0, 0, BLOCK_LENGTH - 1));
    assert.isUndefined(assembler.begin(peer, 0, 1, BLOCK_LENGTH));
    assert.isUndefined(assembler.begin(peer, 0, 2 * BLOCK_LENGTH, BLOCK_LENGTH));
    assert.isUndefined(assembler.begin(peer, 1, 0, BLOCK_LENGTH));
    assert.isFalse(assembler.end(peer, { index: 0, begin: 0 }, it.filled));
    assert.strictEqual(assembler.begin(peer, 0, 0, BLOCK_LENGTH)?.length, BLOCK_LENGTH);
  });

  it("keeps a peer that is still writing out of the piece that another completed, and of the next one", () => {
    const it = makeAssembling({ pieceCount: 2, pieceLength: BLOCK_LENGTH, buffers: 1 });
    const [slow, fast] = [it.peer([0]), it.peer()];
    const [block] = it.reserve(slow, 1);
    assert.isDefined(block);
    const writing = it.begin(slow, block);
    assert.isDefined(writing);
    writing.fill(1, 0, 100);
    slow.late = true;
    it.reserveLate(fast, 1);
    assert.isTrue(it.deliver(fast, block));
    writing.fill(1, 100, 200);
    assert.deepStrictEqual(
      it.storeAll().map(({ good }) => good),
      [true],
    );
    const [next] = it.reserve(fast, 1);
    assert.isDefined(next);
    const target = it.begin(fast, next);
    target?.set(it.bytesOf(next));
    writing.fill(1);
    assert.isFalse(it.end(slow, block));
    assert.isTrue(it.end(fast, next));
    assert.deepStrictEqual(
      it.storeAll().map(({ good }) => good),
      [true],
    );
    assert.isTrue(it.disk.every((_, index) => it.isRight(index)));
  });

  it("keeps a peer that is still writing out of the piece that takes the buffer of one given up", () => {
    const it = makeAssembling({ pieceCount: 2, pieceLength: BLOCK_LENGTH, buffers: 1 });
    const [slow, fast] = [it.peer([0]), it.peer([1])];
    const [block] = it.reserve(slow, 1);
    assert.isDefined(block);
    const writing = it.begin(slow, block);
    it.giveBack(slow, block);
    const [next] = it.reserve(fast, 1);
    assert.isDefined(next);
    assert.isTrue(it.deliver(fast, next));
    writing?.fill(1);
    assert.isFalse(it.end(slow, block));
    it.storeAll();
    assert.isTrue(it.isRight(1));
  });

  it("takes a block that arrives after it was given back, unless it is there by then", () => {
    const it = makeAssembling({ pieceCount: 1, pieceLength: 2 * BLOCK_LENGTH });
    const [slow, fast] = [it.peer(), it.peer()];
    const [first, second] = it.reserve(slow, 2);
    assert.isDefined(first);
    assert.isDefined(second);
    const target = it.begin(slow, first);
    target?.set(it.bytesOf(first));
    it.giveBack(slow, first);
    it.reserve(fast, 1);
    assert.isTrue(it.end(slow, first));
    assert.deepStrictEqual(fast.cancelled, [first]);
    assert.isTrue(it.deliver(slow, second));
    assert.isTrue(it.storeAll().every(({ good }) => good));
  });

  it("says once that a peer went without for want of a buffer", () => {
    const it = makeAssembling({ pieceCount: 3, pieceLength: BLOCK_LENGTH, buffers: 2 });
    const peer = it.peer();
    const blocks = it.reserve(peer, 3);
    assert.strictEqual(blocks.length, 2);
    assert.strictEqual(it.assembler.buffersUsed(), 2);
    assert.isTrue(it.assembler.takeStarved());
    assert.isFalse(it.assembler.takeStarved());
    for (const block of blocks) it.deliver(peer, block);
    it.storeAll();
    assert.strictEqual(it.reserve(peer, 3).length, 1);
    assert.isFalse(it.assembler.takeStarved());
  });

  it("gives up a piece that nobody has any more when its buffer is needed", () => {
    const it = makeAssembling({ pieceCount: 2, pieceLength: 2 * BLOCK_LENGTH, buffers: 1 });
    const gone = it.peer([0]);
    const [block] = it.reserve(gone, 1);
    assert.isDefined(block);
    it.deliver(gone, block);
    it.leave(gone);
    assert.strictEqual(it.assembler.buffersUsed(), 1);
    const other = it.peer([1]);
    assert.deepStrictEqual(names(it.reserve(other, 9)), ["1/0", "1/1"]);
    assert.strictEqual(it.assembler.buffersUsed(), 1);
    assert.strictEqual(it.table.unopened(), 1);
  });

  it("writes a long piece by runs in any order, and finishes its digest from disk", () => {
    const it = makeAssembling({
      pieceCount: 1,
      pieceLength: 7 * BLOCK_LENGTH + 9,
      runLength: 2 * BLOCK_LENGTH,
      buffers: 4,
    });
    const peer = it.peer();
    const blocks = it.reserve(peer, 8);
    assert.strictEqual(blocks.length, 8);
    assert.strictEqual(it.assembler.buffersUsed(), 4);
    for (const block of [...blocks].reverse()) {
      assert.isTrue(it.deliver(peer, block));
      it.storeAll();
    }
    assert.strictEqual(it.table.missing(), 0);
    assert.isTrue(it.isRight(0));
    assert.strictEqual(it.assembler.buffersUsed(), 0);
  });

  it("goes on with a long piece when the buffer of an earlier run is free again", () => {
    const it = makeAssembling({ pieceCount: 1, pieceLength: 6 * BLOCK_LENGTH, runLength: BLOCK_LENGTH, buffers: 2 });
    const peer = it.peer();
    while (it.table.missing() > 0) {
      const blocks = it.reserve(peer, 9);
      assert.strictEqual(blocks.length, 2);
      for (const block of blocks) it.deliver(peer, block);
      it.storeAll();
    }
    assert.isTrue(it.isRight(0));
  });
});
