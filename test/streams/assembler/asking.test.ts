/** Which blocks an assembler has peers asked for. */
import { assert, describe, it } from "@effect/vitest";
import * as Bitfield from "../../../src/schema/bitfield.ts";
import { BLOCK_LENGTH } from "../../../src/schema/block.ts";
import { blockNames as names, makeAssembling } from "../../support/assembling.ts";

describe("assembler", () => {
  it("asks for every block once, the short last one included", () => {
    const it = makeAssembling({ pieceCount: 3, pieceLength: 2 * BLOCK_LENGTH, lastLength: BLOCK_LENGTH + 5 });
    const [one, two] = [it.peer(), it.peer()];
    const asked = [...it.reserve(one, 4), ...it.reserve(two, 4)];
    assert.deepStrictEqual(names(asked), ["0/0", "0/1", "1/0", "1/1", "2/0", "2/1"]);
    assert.strictEqual(asked.find(({ index, begin }) => index === 2 && begin > 0)?.length, 5);
    assert.deepStrictEqual([it.reserve(one, 1), it.reserve(two, 1)], [[], []]);
    for (const from of [one, two])
      for (const block of [...from.waiting.values()]) assert.isTrue(it.deliver(from, block));
    assert.deepStrictEqual(
      it.storeAll().map(({ good }) => good),
      [true, true, true],
    );
    assert.strictEqual(it.table.missing(), 0);
    assert.strictEqual(it.assembler.buffersUsed(), 0);
  });

  it("asks only for pieces that the peer has, and of the set that it is given", () => {
    const it = makeAssembling({ pieceCount: 4, pieceLength: BLOCK_LENGTH });
    const peer = it.peer([1, 3]);
    const among = Bitfield.make(4);
    Bitfield.set(among, 0);
    Bitfield.set(among, 3);
    assert.deepStrictEqual(names(it.reserve(peer, 9, among)), ["3/0"]);
    assert.deepStrictEqual(names(it.reserve(peer, 9)), ["1/0"]);
  });

  it("asks a peer that has everything for what is rarer before the rest of what another gives already", () => {
    const it = makeAssembling({ pieceCount: 3, pieceLength: 4 * BLOCK_LENGTH });
    const other = it.peer([1]);
    const seed = it.peer();
    assert.deepStrictEqual(names(it.reserve(other, 1)), ["1/0"]);
    const asked = it.reserve(seed, 6);
    assert.notInclude(names(asked).join(), "1/");
    // Open pieces first, where they are as rare, and what others have only when there is nothing else.
    assert.deepStrictEqual(names([...asked, ...it.reserve(seed, 3)]), [
      ...["0/0", "0/1", "0/2", "0/3", "1/1"],
      ...["2/0", "2/1", "2/2", "2/3"],
    ]);
    assert.deepStrictEqual(names(it.reserve(other, 9)), ["1/2", "1/3"]);
  });

  it("asks a peer that has everything for the rest of an open piece that nobody is asked for first", () => {
    const it = makeAssembling({ pieceCount: 3, pieceLength: 4 * BLOCK_LENGTH });
    const other = it.peer([1]);
    const seed = it.peer();
    const [first, second] = it.reserve(other, 2);
    assert.isDefined(first);
    assert.isDefined(second);
    it.deliver(other, first);
    it.giveBack(other, second);
    assert.deepStrictEqual(names(it.reserve(seed, 3)), ["1/1", "1/2", "1/3"]);
  });

  it("lets another peer have what was given back, and closes a piece of which nothing is left", () => {
    const it = makeAssembling({ pieceCount: 1, pieceLength: 2 * BLOCK_LENGTH });
    const [one, two] = [it.peer(), it.peer()];
    const [first, second] = it.reserve(one, 2);
    assert.isDefined(first);
    assert.isDefined(second);
    it.giveBack(one, first);
    assert.deepStrictEqual(it.reserve(two, 2), [first]);
    it.giveBack(two, first);
    assert.strictEqual(it.assembler.buffersUsed(), 1);
    it.giveBack(one, second);
    assert.strictEqual(it.assembler.buffersUsed(), 0);
    assert.strictEqual(it.table.unopened(), 1);
  });

  it("asks a second peer for late blocks only, cancels the loser and takes the block once", () => {
    const it = makeAssembling({ pieceCount: 1, pieceLength: 2 * BLOCK_LENGTH });
    const [slow, fast] = [it.peer(), it.peer()];
    const blocks = it.reserve(slow, 2);
    assert.deepStrictEqual(it.reserveLate(fast, 9), []);
    slow.late = true;
    assert.deepStrictEqual(it.reserveLate(slow, 9), []);
    assert.deepStrictEqual(it.reserveLate(fast, 9), blocks);
    assert.deepStrictEqual(it.reserveLate(it.peer(), 9), []);
    const [first, second] = blocks;
    assert.isDefined(first);
    assert.isDefined(second);
    assert.isTrue(it.deliver(fast, first));
    assert.deepStrictEqual(slow.cancelled, [first]);
    assert.isTrue(it.deliver(slow, second));
    assert.deepStrictEqual(fast.cancelled, [second]);
    assert.isFalse(it.deliver(slow, first));
    assert.isTrue(it.storeAll().every(({ good }) => good));
  });

  it("fetches a piece that failed again, and lets one peer alone have it", () => {
    const suspects = new Set<number>();
    const it = makeAssembling({
      pieceCount: 1,
      pieceLength: 4 * BLOCK_LENGTH,
      suspect: (index) => suspects.has(index),
    });
    const [liar, honest] = [it.peer(), it.peer()];
    for (const block of it.reserve(liar, 1)) it.deliver(liar, block, new Uint8Array(BLOCK_LENGTH));
    for (const block of it.reserve(honest, 9)) it.deliver(honest, block);
    const { backlog } = it.assembler;
    assert.deepStrictEqual([backlog.size(), backlog.emptied()], [1, 0]);
    assert.deepStrictEqual(
      it.storeAll().map(({ good }) => good),
      [false],
    );
    assert.deepStrictEqual([backlog.size(), backlog.emptied()], [0, 1]);
    suspects.add(0);
    const asked = it.reserve(honest, 2);
    assert.strictEqual(asked.length, 2);
    assert.deepStrictEqual(it.reserve(liar, 9), []);
    for (const block of asked) it.deliver(honest, block);
    for (const block of it.reserve(honest, 9)) it.deliver(honest, block);
    assert.deepStrictEqual(
      it.storeAll().map(({ good }) => good),
      [true],
    );
  });

  it("lets others finish a piece whose only peer left, or is asked for nothing of it", () => {
    const it = makeAssembling({ pieceCount: 1, pieceLength: 4 * BLOCK_LENGTH, suspect: () => true });
    const [first, second, third] = [it.peer(), it.peer(), it.peer()];
    for (const block of it.reserve(first, 1)) it.deliver(first, block);
    it.leave(first);
    for (const block of it.reserve(second, 1)) it.deliver(second, block);
    const rest = it.reserve(third, 9);
    assert.strictEqual(rest.length, 2);
    for (const block of rest) it.deliver(third, block);
    assert.isTrue(it.storeAll().every(({ good }) => good));
  });

  it("fills padding in, and leaves one block to be asked for of a run of nothing else", () => {
    const it = makeAssembling({
      pieceCount: 1,
      pieceLength: 6 * BLOCK_LENGTH,
      runLength: 2 * BLOCK_LENGTH,
      isPad: (_, block) => block === 0 || block >= 3,
    });
    const peer = it.peer();
    const blocks = it.reserve(peer, 9);
    assert.deepStrictEqual(names(blocks), ["0/1", "0/2", "0/5"]);
    for (const block of blocks) it.giveBack(peer, block);
    assert.strictEqual(it.table.unopened(), 1);
    for (const block of it.reserve(peer, 9)) it.deliver(peer, block);
    assert.isTrue(it.storeAll().every(({ good }) => good));
    assert.isTrue(it.isRight(0));
  });

  it("opens a piece with what an earlier run left of it", () => {
    const it = makeAssembling({ pieceCount: 2, pieceLength: 3 * BLOCK_LENGTH });
    const [bytes] = it.content;
    assert.isDefined(bytes);
    const kept = Uint8Array.from(bytes).fill(0xee, BLOCK_LENGTH, 2 * BLOCK_LENGTH);
    assert.isDefined(it.assembler.restore(0, (block) => block !== 1, kept));
    const peer = it.peer([0]);
    assert.deepStrictEqual(names(it.reserve(peer, 9)), ["0/1"]);
    for (const block of [...peer.waiting.values()]) it.deliver(peer, block);
    const [stored] = it.storeAll();
    assert.isTrue(stored?.good);
    assert.deepStrictEqual(
      stored?.piece.from.map((from) => from === peer),
      [false, true, false],
    );
  });
});
