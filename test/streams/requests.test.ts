import { assert, describe, it } from "@effect/vitest";
import * as Bitfield from "../../src/schema/bitfield.ts";
import { BLOCK_LENGTH, type BlockSpan } from "../../src/schema/block.ts";
import { makeRequests } from "../../src/streams/requests.ts";
import { makeAssembling } from "../support/assembling.ts";

const SNUB = 20_000;
const NO_LIMIT = Number.POSITIVE_INFINITY;

/** An assembler of pieces of two blocks, and peers with requests of their own. */
const make = (pieceCount: number, suspect = (): boolean => false) => {
  const assembling = makeAssembling({ pieceCount, pieceLength: 2 * BLOCK_LENGTH, buffers: pieceCount, suspect });
  const { table, assembler } = assembling;
  let peers = 0;
  const peer = (
    options: { readonly most?: number; readonly whileChoked?: Uint8Array; readonly first?: Uint8Array } = {},
  ) => {
    const slot = table.addPeer();
    table.peerHasAll(slot);
    const asked: Array<BlockSpan> = [];
    const cancelled: Array<BlockSpan> = [];
    const writes: Array<number> = [];
    const requests = makeRequests(assembler, {
      slot,
      address: `10.0.0.${++peers}:1`,
      ask: (blocks) => {
        writes.push(blocks.length);
        asked.push(...blocks);
      },
      cancel: (index, begin, length) => void cancelled.push({ index, begin, length }),
      idleness: () => 0,
      most: () => options.most ?? 1_000,
      whileChoked: () => options.whileChoked,
      first: () => options.first,
    });
    /** A block arrives as the decoder and the dialogue see it; whether it was of use. */
    const arrive = (block: BlockSpan, now: number): boolean => {
      const target = requests.begin(block.index, block.begin, block.length);
      target?.set(assembling.bytesOf(block));
      const wanted = target !== undefined && requests.end(block.index, block.begin);
      requests.arrived({ ...block, wanted }, now);
      return wanted;
    };
    return { requests, asked, cancelled, writes, arrive };
  };
  return { assembling, peer };
};

describe("requests", () => {
  it("go out many at once, and again when half of them are answered", () => {
    const { peer } = make(40);
    const { requests, asked, writes, arrive } = peer({ most: 16 });
    requests.refill(0, false, NO_LIMIT);
    assert.deepStrictEqual(writes, [16]);
    for (const block of asked.slice(0, 7)) {
      assert.isTrue(arrive(block, 10));
      requests.refill(10, false, NO_LIMIT);
    }
    assert.deepStrictEqual(writes, [16]);
    for (const block of asked.slice(7, 8)) arrive(block, 10);
    requests.refill(10, false, NO_LIMIT);
    assert.deepStrictEqual(writes, [16, 8]);
    assert.strictEqual(requests.waiting(), 16);
  });

  it("begin with what is to be preferred, and go on with the rest", () => {
    const { assembling, peer } = make(8);
    const first = Bitfield.make(8);
    for (const index of [5, 6]) Bitfield.set(first, index);
    assembling.table.got(6);
    const { requests, asked } = peer({ first });
    requests.refill(0, false, NO_LIMIT);
    assert.deepStrictEqual(
      asked.slice(0, 2).map(({ index }) => index),
      [5, 5],
    );
    assert.strictEqual(new Set(asked.map(({ index }) => index)).size, 7);
    const choked = peer({ first });
    choked.requests.refill(0, true, NO_LIMIT);
    assert.deepStrictEqual(choked.asked, []);
  });

  it("ask for nothing while choked but what is allowed then", () => {
    const { peer } = make(8);
    const choked = peer();
    choked.requests.refill(0, true, NO_LIMIT);
    assert.deepStrictEqual(choked.asked, []);
    const whileChoked = Bitfield.make(8);
    Bitfield.set(whileChoked, 5);
    const allowed = peer({ whileChoked });
    allowed.requests.refill(0, true, NO_LIMIT);
    assert.deepStrictEqual(
      allowed.asked.map(({ index }) => index),
      [5, 5],
    );
  });

  it("take no block that was not asked for", () => {
    const { peer } = make(1);
    const { requests, arrive } = peer();
    const block = { index: 0, begin: 0, length: BLOCK_LENGTH };
    assert.isUndefined(requests.begin(0, 0, BLOCK_LENGTH));
    assert.isFalse(arrive(block, 0));
    assert.isFalse(requests.arrived({ ...block, wanted: false }, 0));
  });

  it("are given to others when the peer chokes us, rejects one or is gone", () => {
    const { peer } = make(1);
    const [one, two] = [peer(), peer()];
    one.requests.refill(0, false, NO_LIMIT);
    two.requests.refill(0, false, NO_LIMIT);
    assert.deepStrictEqual(two.asked, []);
    const [first] = one.asked;
    assert.isDefined(first);
    assert.isTrue(one.requests.rejected(first.index, first.begin));
    assert.isFalse(one.requests.rejected(first.index, first.begin));
    two.requests.refill(1, false, NO_LIMIT);
    assert.deepStrictEqual(two.asked, [first]);
    one.requests.voided();
    assert.strictEqual(one.requests.waiting(), 0);
    const three = peer();
    three.requests.refill(2, false, NO_LIMIT);
    assert.strictEqual(three.asked.length, 1);
    two.requests.close();
    three.requests.close();
    one.requests.refill(3, false, NO_LIMIT);
    assert.strictEqual(one.requests.waiting(), 2);
  });

  it("are given back when no block came for 20 s, and one at a time is tried after that", () => {
    const { peer } = make(20);
    const { requests, asked, arrive } = peer();
    requests.refill(0, false, NO_LIMIT);
    requests.checkSnubbed(SNUB - 1, SNUB);
    assert.isFalse(requests.snubbed());
    const [first, second] = asked;
    assert.isDefined(first);
    assert.isDefined(second);
    arrive(first, 5_000);
    requests.checkSnubbed(SNUB + 4_999, SNUB);
    assert.isFalse(requests.snubbed());
    requests.checkSnubbed(SNUB + 5_000, SNUB);
    assert.isTrue(requests.snubbed());
    assert.strictEqual(requests.waiting(), 0);
    requests.refill(SNUB + 5_000, false, NO_LIMIT);
    assert.strictEqual(requests.waiting(), 0);
    requests.refill(SNUB + 5_500, false, NO_LIMIT);
    assert.strictEqual(requests.waiting(), 1);
    assert.isTrue(arrive(asked[asked.length - 1] ?? first, SNUB + 6_000));
    assert.isFalse(requests.snubbed());
  });

  it("leave a suspect piece that was given back to others first", () => {
    const { peer } = make(1, () => true);
    const [mute, other] = [peer(), peer()];
    mute.requests.refill(0, false, NO_LIMIT);
    other.requests.refill(0, false, NO_LIMIT);
    assert.deepStrictEqual(other.asked, []);
    mute.requests.checkSnubbed(SNUB, SNUB);
    mute.requests.refill(SNUB, false, NO_LIMIT);
    other.requests.refill(SNUB, false, NO_LIMIT);
    assert.strictEqual(other.asked.length, 2);
  });

  it("look for what others are late with no more often than every 100 ms: it is a look at all that is under way", () => {
    const { assembling, peer } = make(2);
    let looks = 0;
    const { assembler } = assembling;
    const counting = {
      ...assembler,
      reserveLate: (...args: Parameters<typeof assembler.reserveLate>) => {
        looks++;
        return assembler.reserveLate(...args);
      },
    };
    peer().requests.refill(0, false, NO_LIMIT);
    const slot = assembling.table.addPeer();
    assembling.table.peerHasAll(slot);
    const idle = makeRequests(counting, {
      slot,
      address: "10.0.0.9:1",
      ask: () => undefined,
      cancel: () => undefined,
      idleness: () => 0,
      most: () => 1_000,
      whileChoked: () => undefined,
      first: () => undefined,
    });
    for (let now = 0; now < 1_000; now++) idle.refill(now, false, NO_LIMIT);
    assert.strictEqual(looks, 10);
  });

  it("ask a second peer for what another is late with, and only when there is nothing else", () => {
    const { peer, assembling } = make(1);
    const [slow, fast] = [peer(), peer()];
    slow.requests.refill(0, false, NO_LIMIT);
    fast.requests.refill(100, false, NO_LIMIT);
    assert.deepStrictEqual(fast.asked, []);
    slow.requests.checkSnubbed(1_000, SNUB);
    fast.requests.refill(1_000, false, NO_LIMIT);
    assert.deepStrictEqual(fast.asked, slow.asked);
    for (const block of fast.asked) assert.isTrue(fast.arrive(block, 1_100));
    assert.deepStrictEqual(slow.cancelled, slow.asked);
    assert.strictEqual(slow.requests.waiting(), 0);
    assert.strictEqual(fast.requests.takeFilled().length, 1);
    assert.strictEqual(assembling.table.unopened(), 0);
  });
});
