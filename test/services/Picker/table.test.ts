import { assert, describe, it } from "@effect/vitest";
import { Effect, Random, Schema } from "effect";
import * as Bitfield from "../../../src/schema/bitfield.ts";
import type { PeerSlot, PieceTable, PieceTableOptions } from "../../../src/services/Picker/PieceTable.ts";
import { Picker } from "../../../src/services/Picker/Picker.ts";
import { makeTable } from "../../../src/services/Picker/table.ts";

const bitsOf = (pieceCount: number, indices: Iterable<number>): Uint8Array => {
  const bits = Bitfield.make(pieceCount);
  for (const index of indices) Bitfield.set(bits, index);
  return bits;
};

const table = (pieceCount: number, options: Partial<PieceTableOptions> = {}): PieceTable =>
  makeTable(
    {
      pieceCount,
      order: "rarest",
      wanted: Bitfield.full(pieceCount),
      have: Bitfield.make(pieceCount),
      ...options,
    },
    7,
  );

const range = (from: number, to: number): Array<number> => Array.from({ length: to - from }, (_, n) => from + n);

/** What the table should be, in sets. */
interface Model {
  readonly pieceCount: number;
  readonly have: Set<number>;
  readonly open: Set<number>;
  readonly peers: Map<PeerSlot, Set<number>>;
  readonly wanted: ReadonlySet<number>;
}

const availabilityOf = (model: Model, index: number): number =>
  [...model.peers.values()].filter((pieces) => pieces.has(index)).length;

const agree = (it: PieceTable, model: Model, order: "rarest" | "sequential", among: ReadonlySet<number>): void => {
  const all = range(0, model.pieceCount);
  const missing = all.filter((index) => model.wanted.has(index) && !model.have.has(index));
  const free = missing.filter((index) => !model.open.has(index));
  assert.strictEqual(it.missing(), missing.length, "missing");
  assert.strictEqual(it.unopened(), free.length, "unopened");
  assert.strictEqual(it.haveCount(), model.have.size, "haveCount");
  assert.deepStrictEqual(it.haveBits, bitsOf(model.pieceCount, model.have));
  for (const index of all) {
    assert.strictEqual(it.availability(index), availabilityOf(model, index), `availability of ${index}`);
    assert.strictEqual(it.have(index), model.have.has(index));
    assert.strictEqual(it.wanted(index), model.wanted.has(index));
  }
  const rarest = missing.length === 0 ? 0 : Math.min(...missing.map((index) => availabilityOf(model, index)));
  assert.strictEqual(it.rarest(), rarest, "rarest");
  for (const [peer, pieces] of model.peers) {
    assert.strictEqual(it.peerCount(peer), pieces.size, "peerCount");
    assert.strictEqual(it.isSeed(peer), pieces.size === model.pieceCount, "isSeed");
    assert.strictEqual(
      it.interesting(peer),
      missing.some((index) => pieces.has(index)),
      "interesting",
    );
    for (const index of all) assert.strictEqual(it.hasPiece(peer, index), pieces.has(index));
    for (const set of [undefined, among]) {
      const legal = free.filter((index) => pieces.has(index) && (set === undefined || set.has(index)));
      const chosen = it.choose(peer, set && bitsOf(model.pieceCount, set));
      if (legal.length === 0) assert.strictEqual(chosen, -1, "nothing to choose");
      else if (order === "sequential") assert.strictEqual(chosen, legal[0]);
      else {
        assert.include(legal, chosen);
        const least = Math.min(...legal.map((index) => availabilityOf(model, index)));
        if (set !== undefined || model.have.size >= 4)
          assert.strictEqual(availabilityOf(model, chosen), least, "a rarest");
      }
    }
  }
};

const PIECES = 21;
const kinds = [
  "addPeer",
  "removePeer",
  "peerHas",
  "peerHas",
  "peerLost",
  "peerHasBits",
  "peerHasAll",
  "open",
  "open",
  "reopen",
  "got",
  "got",
  "lost",
] as const;

const step = (it: PieceTable, model: Model, kind: (typeof kinds)[number], at: number, bits: number): void => {
  const slots = [...model.peers.keys()];
  const peer = slots[bits % Math.max(slots.length, 1)] ?? -1;
  const pieces = model.peers.get(peer);
  const set = range(0, PIECES).filter((index) => ((bits >>> index) & 1) === 1);
  switch (kind) {
    case "addPeer":
      model.peers.set(it.addPeer(), new Set());
      break;
    case "open":
      it.open(at);
      if (!model.have.has(at)) model.open.add(at);
      break;
    case "reopen":
      it.reopen(at);
      model.open.delete(at);
      break;
    case "got":
      it.got(at);
      model.have.add(at);
      model.open.delete(at);
      break;
    case "lost":
      it.lost(at);
      model.have.delete(at);
      break;
    case "removePeer":
      if (pieces !== undefined) it.removePeer(peer);
      model.peers.delete(peer);
      break;
    case "peerHas":
      if (pieces !== undefined) it.peerHas(peer, at);
      pieces?.add(at);
      break;
    case "peerLost":
      if (pieces !== undefined) it.peerLost(peer, at);
      pieces?.delete(at);
      break;
    case "peerHasBits":
      if (pieces !== undefined) it.peerHasBits(peer, bitsOf(PIECES, set));
      if (pieces !== undefined) model.peers.set(peer, new Set(set));
      break;
    case "peerHasAll":
      if (pieces !== undefined) it.peerHasAll(peer);
      if (pieces !== undefined) model.peers.set(peer, new Set(range(0, PIECES)));
      break;
  }
};

const below = (bound: number) => Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: bound - 1 })));
const Steps = Schema.Array(Schema.Tuple([below(kinds.length), below(PIECES), below(2 ** PIECES)])).pipe(
  Schema.check(Schema.isMinLength(20), Schema.isMaxLength(80)),
);

describe("the piece table", () => {
  for (const order of ["rarest", "sequential"] as const) {
    it.prop(
      `agrees with a model of sets after any steps (${order})`,
      { steps: Steps, first: below(2 ** PIECES), wanted: below(2 ** PIECES) },
      ({ steps, first, wanted }) => {
        const pick = (bits: number) => range(0, PIECES).filter((index) => ((bits >>> index) & 1) === 1);
        const model: Model = {
          pieceCount: PIECES,
          have: new Set(pick(first)),
          open: new Set(),
          peers: new Map(),
          wanted: new Set(pick(wanted)),
        };
        const subject = table(PIECES, {
          order,
          have: bitsOf(PIECES, model.have),
          wanted: bitsOf(PIECES, model.wanted),
        });
        for (const [kind, at, bits] of steps) {
          step(subject, model, kinds[kind] ?? "addPeer", at, bits);
          agree(subject, model, order, new Set(pick(bits ^ first)));
        }
      },
      { arbitrary: { runs: 150 } },
    );
  }

  it("gives each free piece once while pieces are opened", () => {
    const subject = table(50);
    const peer = subject.addPeer();
    subject.peerHasAll(peer);
    const chosen = range(0, 50).map(() => {
      const index = subject.choose(peer);
      subject.open(index);
      return index;
    });
    assert.deepStrictEqual(
      [...chosen].sort((a, b) => a - b),
      range(0, 50),
    );
    assert.strictEqual(subject.choose(peer), -1);
    assert.isTrue(subject.interesting(peer), "open pieces are still of interest");
  });

  it.effect("is repeatable from a seed", () =>
    Effect.gen(function* () {
      const run = Effect.gen(function* () {
        const subject = yield* Picker.use((picker) =>
          picker.make({
            pieceCount: 100,
            order: "rarest",
            wanted: Bitfield.full(100),
            have: Bitfield.make(100),
          }),
        ).pipe(Effect.provide(Picker.layer));
        const peer = subject.addPeer();
        subject.peerHasAll(peer);
        return range(0, 30).map(() => {
          const index = subject.choose(peer);
          subject.open(index);
          return index;
        });
      });
      const first = yield* Random.withSeed(run, "swarm");
      assert.deepStrictEqual(yield* Random.withSeed(run, "swarm"), first);
      assert.notDeepEqual(yield* Random.withSeed(run, "another"), first);
    }),
  );

  it("keeps count while hundreds of peers become seeds and leave", () => {
    const subject = table(5);
    const watcher = subject.addPeer();
    subject.peerHas(watcher, 2);
    for (let round = 0; round < 700; round++) {
      const peer = subject.addPeer();
      for (const index of range(0, 5)) subject.peerHas(peer, index);
      assert.strictEqual(subject.availability(2), 2);
      assert.strictEqual(subject.availability(0), 1);
      assert.strictEqual(subject.rarest(), 1);
      subject.removePeer(peer);
      assert.strictEqual(subject.rarest(), 0);
    }
    for (let round = 0; round < 300; round++) {
      const peer = subject.addPeer();
      subject.peerHasAll(peer);
      for (const index of range(0, 5)) subject.peerLost(peer, index);
      assert.deepStrictEqual(range(0, 5).map(subject.availability), [0, 0, 1, 0, 0]);
    }
    assert.strictEqual(subject.choose(watcher), 2);
  });

  it("uses slots again and ignores pieces outside of the torrent", () => {
    const subject = table(9);
    const first = subject.addPeer();
    subject.peerHasAll(first);
    subject.removePeer(first);
    const second = subject.addPeer();
    assert.strictEqual(second, first);
    assert.strictEqual(subject.peerCount(second), 0);
    subject.peerHas(second, 9);
    subject.peerHas(second, -1);
    subject.peerLost(second, 40);
    assert.strictEqual(subject.peerCount(second), 0);
    assert.isFalse(subject.hasPiece(second, 9));
    assert.strictEqual(subject.availability(9), 0);
  });
});
