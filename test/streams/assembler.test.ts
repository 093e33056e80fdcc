import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import * as Bitfield from "../../src/schema/bitfield.ts";
import { BLOCK_LENGTH, type BlockSpan } from "../../src/schema/block.ts";
import { makeAssembling, type TestPeer } from "../support/assembling.ts";

/** Blocks as `piece/block`, sorted. */
const names = (blocks: Iterable<BlockSpan>): ReadonlyArray<string> =>
  Array.from(blocks, ({ index, begin }) => `${index}/${begin / BLOCK_LENGTH}`).sort();

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

  it.prop(
    "completes whatever the peers do, without a wrong byte, in the memory it was given",
    { seed: Schema.Int, long: Schema.Boolean, suspicious: Schema.Boolean, padded: Schema.Boolean },
    (options) => {
      churn(options);
    },
    { arbitrary: { runs: 40 } },
  );
});

/** Peers come, ask, write in parts, stall, give back and go, all by chance; then an honest seed finishes what is left. */
const churn = (options: {
  readonly seed: number;
  readonly long: boolean;
  readonly suspicious: boolean;
  readonly padded: boolean;
}): void => {
  let state = options.seed | 1;
  const below = (bound: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
  const pieceCount = 6;
  const it = makeAssembling({
    pieceCount,
    pieceLength: 5 * BLOCK_LENGTH,
    lastLength: 2 * BLOCK_LENGTH + 77,
    ...(options.long && { runLength: 2 * BLOCK_LENGTH }),
    buffers: options.long ? 5 : 3,
    seed: state,
    suspect: (index) => options.suspicious && index % 2 === 0,
    isPad: (index, block) => options.padded && (index + block) % 3 > 0,
  });
  const peers = new Set<TestPeer>();
  const writing = new Map<TestPeer, { block: BlockSpan; target: Uint8Array; at: number }>();
  const any = (): TestPeer | undefined => [...peers][below(Math.max(peers.size, 1))];
  const write = (from: TestPeer, all: boolean): void => {
    const under = writing.get(from);
    if (under === undefined) return;
    const bytes = it.bytesOf(under.block);
    const to = all ? bytes.length : Math.min(bytes.length, under.at + 1 + below(9_000));
    // What is half written is wrong, so that it is found out when it gets anywhere before its end.
    under.target.fill(0xff, under.at, to);
    under.at = to;
    if (to < bytes.length) return;
    under.target.set(bytes);
    writing.delete(from);
    it.end(from, under.block);
  };
  const steps: ReadonlyArray<(peer: TestPeer) => void> = [
    (peer) => void it.reserve(peer, 1 + below(4)),
    (peer) => void (peer.waiting.size === 0 && it.reserveLate(peer, 1 + below(4))),
    (peer) => {
      peer.late = !peer.late;
    },
    (peer) => {
      const block = [...peer.waiting.values()][below(Math.max(peer.waiting.size, 1))];
      if (block === undefined || writing.has(peer)) return write(peer, below(2) === 0);
      const target = it.begin(peer, block);
      if (target === undefined) it.giveBack(peer, block);
      else writing.set(peer, { block, target, at: 0 });
    },
    (peer) => write(peer, true),
    (peer) => {
      if (below(4) > 0) return;
      for (const block of [...peer.waiting.values()]) it.giveBack(peer, block);
    },
    (peer) => {
      if (below(6) > 0) return;
      peers.delete(peer);
      writing.delete(peer);
      it.leave(peer);
    },
    () => {
      const one = it.filled.splice(below(Math.max(it.filled.length, 1)), 1)[0];
      if (one !== undefined) assert.notStrictEqual(it.store(one)?.good, false);
    },
  ];
  for (let step = 0; step < 400; step++) {
    if (peers.size < 4) {
      const has = Array.from({ length: pieceCount }, (_, index) => index).filter(() => below(2) === 0);
      peers.add(it.peer(below(3) === 0 ? undefined : has));
    }
    const peer = any();
    if (peer !== undefined) steps[below(steps.length)]?.(peer);
    assert.isAtMost(it.assembler.buffersUsed(), it.buffers.capacity);
    assert.strictEqual(it.assembler.backlog.size(), it.filled.length);
    const asked = Map.groupBy(
      [...peers].flatMap((each) => [...each.waiting.keys()]),
      (key) => key,
    );
    for (const [key, times] of asked) assert.isAtMost(times.length, 2, `${key} is asked of too many`);
  }
  for (const peer of peers) it.leave(peer);
  const seed = it.peer();
  for (let turn = 0; it.table.missing() > 0; turn++) {
    assert.isBelow(turn, 200, "it does not complete");
    assert.isTrue(it.storeAll().every(({ good }) => good));
    it.reserve(seed, 8);
    for (const block of [...seed.waiting.values()]) it.deliver(seed, block);
  }
  assert.strictEqual(it.assembler.buffersUsed(), 0);
  assert.isTrue(it.disk.every((_, index) => it.isRight(index)));
};
