/** An assembler whose peers come and go. */
import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import { BLOCK_LENGTH, type BlockSpan } from "../../../src/schema/block.ts";
import type { Filled } from "../../../src/streams/assembler/assembler.ts";
import { FREE } from "../../../src/streams/assembler/openPiece.ts";
import { blockNames, makeAssembling, type TestPeer } from "../../support/assembling.ts";

/** Peers come, ask, write in parts, lie, stall, give back and go, all by chance; then an honest seed finishes what is left. */
const churn = (options: {
  readonly seed: number;
  readonly long: boolean;
  readonly suspicious: boolean;
  readonly padded: boolean;
  readonly lying: boolean;
}): void => {
  let state = options.seed | 1;
  const below = (bound: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
  const pieceCount = 6;
  // Of v2, where nothing is padding.
  const leaves = !options.padded;
  const it = makeAssembling({
    pieceCount,
    pieceLength: 5 * BLOCK_LENGTH,
    lastLength: 2 * BLOCK_LENGTH + 77,
    ...(options.long && { runLength: 2 * BLOCK_LENGTH }),
    buffers: options.long ? 5 : 3,
    seed: state,
    suspect: (index) => options.suspicious && index % 2 === 0,
    isPad: (index, block) => options.padded && (index + block) % 3 > 0,
    leaves,
  });
  /** Blocks that were taken and are wrong, as `piece/block`. */
  const lies = new Set<string>();
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
    const isLie = options.lying && below(8) === 0;
    if (!isLie) under.target.set(bytes);
    writing.delete(from);
    if (it.end(from, under.block) && isLie) lies.add(blockNames([under.block]).join());
  };
  /** Stores one run; what was wrong, and nothing else where that is known, is free again. */
  const store = (one: Filled): void => {
    const stored = it.store(one);
    if (stored === undefined) return;
    const { good, piece } = stored;
    const isOpen = [...it.assembler.open].includes(piece);
    const wrong = Array.from({ length: piece.blockCount }, (_, block) => block).filter((block) =>
      lies.delete(`${piece.index}/${block}`),
    );
    assert.strictEqual(good, wrong.length === 0);
    const isKept = leaves && !options.long && !good && wrong.length < piece.blockCount;
    assert.strictEqual(isOpen, isKept);
    if (!isKept) return;
    const free = [...piece.state].flatMap((state, block) => (state === FREE ? [block] : []));
    assert.deepStrictEqual([free, piece.free, piece.runLeft[0]], [wrong, wrong.length, wrong.length]);
    assert.strictEqual(piece.there, piece.blockCount - wrong.length);
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
      if (one !== undefined) store(one);
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
    for (const one of it.filled.splice(0)) store(one);
    it.reserve(seed, 8);
    for (const block of [...seed.waiting.values()]) it.deliver(seed, block);
  }
  assert.strictEqual(it.assembler.buffersUsed(), 0);
  assert.isTrue(it.disk.every((_, index) => it.isRight(index)));
};

describe("assembler", () => {
  it.prop(
    "completes whatever the peers do, without a wrong byte, in the memory it was given",
    {
      seed: Schema.Int,
      long: Schema.Boolean,
      suspicious: Schema.Boolean,
      padded: Schema.Boolean,
      lying: Schema.Boolean,
    },
    (options) => {
      churn(options);
    },
    { arbitrary: { runs: 50 } },
  );
});
