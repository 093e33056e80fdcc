import { assert, describe, it } from "@effect/vitest";
import * as Bitfield from "../../src/schema/bitfield.ts";
import { makeTable } from "../../src/services/Picker/table.ts";
import { makeSuperSeeding } from "../../src/streams/superSeeding.ts";

const PIECES = 8;

/** A seed of eight pieces that super-seeds; `random` always draws the first. */
const begin = (pieceCount = PIECES) => {
  const none = Bitfield.make(pieceCount);
  const table = makeTable({ pieceCount, order: "rarest", wanted: none, have: Bitfield.full(pieceCount) }, 1);
  const seeding = makeSuperSeeding(table, () => 0);
  const connect = () => {
    const slot = table.addPeer();
    const shown: Array<number> = [];
    seeding.join({ slot, show: (index) => void shown.push(index) });
    return {
      slot,
      shown,
      has: (index: number) => {
        table.peerHas(slot, index);
        seeding.announced(slot, index);
      },
      hasAll: () => {
        table.peerHasAll(slot);
        seeding.announced(slot);
      },
      tick: (now = 0) => seeding.tick(slot, now),
      leave: () => {
        seeding.leave(slot);
        table.removePeer(slot);
      },
    };
  };
  return { seeding, connect };
};

describe("superSeeding", () => {
  it("shows each peer two pieces, and no piece to two", () => {
    const { connect, seeding } = begin();
    const [a, b] = [connect(), connect()];
    for (const peer of [a, b]) peer.tick();
    assert.deepStrictEqual(
      [a.shown, b.shown],
      [
        [0, 1],
        [2, 3],
      ],
    );
    assert.isTrue(seeding.isShown(a.slot, 0));
    assert.isFalse(seeding.isShown(a.slot, 2));
    assert.isTrue(seeding.isPosing());
  });

  it("shows the next piece when another peer has the former", () => {
    const { connect } = begin();
    const [a, b] = [connect(), connect()];
    for (const peer of [a, b]) peer.tick();
    a.has(0);
    a.tick(1_000);
    assert.deepStrictEqual(a.shown, [0, 1]);
    b.has(0);
    assert.deepStrictEqual(a.shown, [0, 1, 4]);
  });

  it("lets a peer go on that has nobody to pass a piece on to", () => {
    const { connect } = begin();
    const a = connect();
    a.tick();
    a.has(0);
    assert.deepStrictEqual(a.shown, [0, 1, 2]);
  });

  it("lets a peer go on whose piece nobody fetched for half a minute", () => {
    const { connect } = begin();
    const [a, b] = [connect(), connect()];
    for (const peer of [a, b]) peer.tick();
    a.has(0);
    a.tick(1_000);
    a.tick(31_000);
    assert.deepStrictEqual(a.shown, [0, 1]);
    a.tick(31_001);
    assert.deepStrictEqual(a.shown, [0, 1, 4]);
  });

  it("shows the last two pieces together", () => {
    const { connect } = begin();
    const a = connect();
    a.tick();
    for (const index of [0, 1, 2, 3]) a.has(index);
    assert.deepStrictEqual(a.shown, [0, 1, 2, 3, 4, 5]);
    a.has(4);
    assert.deepStrictEqual(a.shown, [0, 1, 2, 3, 4, 5, 6, 7]);
    for (const index of [5, 6]) a.has(index);
    assert.strictEqual(a.shown.length, PIECES);
  });

  it("does not pose with a single piece", () => {
    const { connect, seeding } = begin(1);
    assert.isFalse(seeding.isPosing());
    const a = connect();
    assert.isTrue(seeding.isShown(a.slot, 0));
    a.tick();
    assert.deepStrictEqual(a.shown, []);
  });

  it("hides nothing from a peer that comes when another seed is there", () => {
    const { connect, seeding } = begin();
    connect().hasAll();
    const late = connect();
    assert.isTrue(seeding.isShown(late.slot, 7));
    late.tick();
    assert.deepStrictEqual(late.shown, []);
  });

  it("shows a peer nothing that it has", () => {
    const { connect } = begin();
    const a = connect();
    a.has(0);
    a.tick();
    assert.deepStrictEqual(a.shown, [1, 2]);
  });

  it("shows again what a peer took with it", () => {
    const { connect } = begin(4);
    const [a, b] = [connect(), connect()];
    for (const peer of [a, b]) peer.tick();
    a.leave();
    b.has(2);
    b.has(3);
    b.tick();
    assert.deepStrictEqual(b.shown, [2, 3, 0, 1]);
  });

  it("shows everything once there is another seed", () => {
    const { connect, seeding } = begin();
    const [a, b] = [connect(), connect()];
    a.tick();
    b.hasAll();
    assert.isFalse(seeding.isPosing());
    a.tick();
    assert.deepStrictEqual(
      a.shown.toSorted((one, other) => one - other),
      [0, 1, 2, 3, 4, 5, 6, 7],
    );
    b.tick();
    assert.deepStrictEqual(b.shown, []);
  });

  it("shows everything in portions", () => {
    const { connect } = begin(2_500);
    const [a, b] = [connect(), connect()];
    b.hasAll();
    const counts = [1, 2, 3, 4].map(() => {
      a.tick();
      return a.shown.length;
    });
    assert.deepStrictEqual(counts, [1_000, 2_000, 2_500, 2_500]);
  });
});
