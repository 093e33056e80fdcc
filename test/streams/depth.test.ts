import { assert, describe, it } from "@effect/vitest";
import { BLOCK_LENGTH, type BlockSpan } from "../../src/schema/block.ts";
import { makeDepth } from "../../src/streams/depth.ts";
import { makeRequests } from "../../src/streams/requests.ts";
import { endless, idleDisk, unused } from "../support/endless.ts";

/**
 * One peer over a line of `bytesPerSecond` and `roundTrip` milliseconds: the requests that wait at the end, and the share of the line that was used after
 * `settling` milliseconds.
 */
const simulate = (path: {
  readonly bytesPerSecond: number;
  readonly roundTrip: number;
  readonly most: number;
  readonly duration: number;
  readonly settling: number;
  /** Of so many blocks one loses a packet: it and all that come after it wait for a round trip more. */
  readonly lossEvery?: number;
  /** Share of the time that we wait; all of it when absent. */
  readonly idleness?: number;
}): { readonly depth: number; readonly used: number } => {
  const service = (BLOCK_LENGTH * 1000) / path.bytesPerSecond;
  const waiting: Array<BlockSpan & { readonly due: number }> = [];
  let lineFree = 0;
  let delivered = 0;
  let sent = 0;
  let now = 0;
  let bytes = 0;
  const requests = makeRequests(endless(), {
    slot: 0,
    address: "10.0.0.1:1",
    ask: (blocks) => {
      for (const block of blocks) {
        lineFree = Math.max(lineFree, now + path.roundTrip) + service;
        const again = ++sent % (path.lossEvery ?? Infinity) === 0 ? path.roundTrip : 0;
        delivered = Math.max(delivered, lineFree + again);
        waiting.push({ ...block, due: delivered });
      }
    },
    cancel: unused,
    idleness: () => path.idleness ?? 1,
    most: () => path.most,
    whileChoked: () => undefined,
    first: () => undefined,
  });
  while (now < path.duration) {
    requests.refill(now, false, Number.POSITIVE_INFINITY);
    const next = waiting.shift();
    assert.isDefined(next);
    now = next.due;
    requests.arrived({ index: next.index, begin: 0, length: BLOCK_LENGTH, wanted: true }, now);
    if (now >= path.settling) bytes += BLOCK_LENGTH;
  }
  return { depth: requests.waiting(), used: (bytes * 1000) / (now - path.settling) / path.bytesPerSecond };
};

/** The requests that wait for a near peer of so many blocks a millisecond, by the share of the time that we wait. */
const depthNearby =
  (idleness: number) =>
  (blocksPerMilli: number): number =>
    simulate({
      ...{ roundTrip: 0.1, most: 1_000, duration: 2_000, settling: 100, idleness },
      bytesPerSecond: blocksPerMilli * 1_000 * BLOCK_LENGTH,
    }).depth;

describe("depth", () => {
  it("grows until the requests fill 1 Gbit/s at 50 ms", () => {
    const { depth, used } = simulate({
      bytesPerSecond: 125e6,
      roundTrip: 50,
      most: 4_000,
      duration: 5_000,
      settling: 2_000,
    });
    assert.isAbove(used, 0.9);
    assert.isAbove(depth, 381);
    // What the line carries in 300 ms.
    assert.isAtMost(depth, 2_300);
  });

  it("fills 1 Gbit/s at 50 ms with the 500 requests that a peer of ours takes", () => {
    const path = { bytesPerSecond: 125e6, roundTrip: 50, most: 500, duration: 5_000, settling: 2_000 };
    assert.isAbove(simulate(path).used, 0.9);
  });

  it("does not take what a loss delays for a queue: a line of 100 Mbit/s at 50 ms is used in spite of 1 % loss", () => {
    const path = { bytesPerSecond: 12.5e6, roundTrip: 50, most: 1_000, duration: 10_000, settling: 2_000 };
    assert.isAbove(simulate({ ...path, lossEvery: 9 }).used, 0.9);
  });

  it("goes on with slow start when a packet is lost in it", () => {
    const depth = makeDepth({ idleness: () => 1, backlog: idleDisk, most: () => 1_000 });
    let now = 0;
    let sent = 16;
    // All that is asked for comes a round trip later, but for what waits for a packet that was lost.
    for (const roundTrip of [60, 60, 400, 60, 60]) {
      now += roundTrip;
      const answers = sent;
      for (let i = 0; i < answers; i++) {
        depth.answered(roundTrip, now);
        depth.arrived(BLOCK_LENGTH, now);
      }
      sent = depth.depth();
    }
    assert.isAtLeast(sent, 350);
  });

  it("stays small on a fast path without delay", () => {
    const { depth, used } = simulate({
      idleness: 0,
      bytesPerSecond: 1e9,
      roundTrip: 0.1,
      most: 1_000,
      duration: 2_000,
      settling: 100,
    });
    assert.isAtMost(depth, 128);
    assert.isAbove(used, 0.9);
  });

  it("keeps what a fast peer answers in 5 ms, however soon it answered once, up to 1 MiB", () => {
    const at = depthNearby(0.1);
    // New ones go out when sixteen are missing.
    assert.isTrue(at(8) > 23 && at(8) <= 40, `${at(8)} requests`);
    assert.isTrue(at(25) > 40 && at(25) <= 64, `${at(25)} requests`);
  });

  it("keeps what a fast peer answers in 100 ms while we wait for it, up to 500", () => {
    const at = depthNearby(0.5);
    assert.isTrue(at(2) > 160 && at(2) <= 210, `${at(2)} requests`);
    assert.isTrue(at(25) > 460 && at(25) <= 500, `${at(25)} requests`);
  });

  it("does not take a peer that is read late, since we are busy, for a far one", () => {
    const path = { bytesPerSecond: 20e6, roundTrip: 8, most: 1_000, duration: 3_000, settling: 100 };
    assert.isAtMost(simulate({ ...path, idleness: 0 }).depth, 24);
    assert.isAbove(simulate({ ...path, idleness: 1 }).depth, 100);
  });

  it("stays generous for 3 s after we waited, and not for longer", () => {
    let idleness = 1;
    const depth = makeDepth({ idleness: () => idleness, backlog: idleDisk, most: () => 500 });
    const run = (from: number, to: number): number => {
      for (let now = from; now < to; now++) {
        depth.answered(1, now);
        depth.arrived(4 * BLOCK_LENGTH, now);
      }
      return depth.depth();
    };
    assert.isAtLeast(run(0, 1_000), 390);
    idleness = 0;
    assert.isAtLeast(run(1_000, 3_900), 390);
    assert.isAtMost(run(3_900, 4_200), 32);
  });

  it("does not become generous for a single stall", () => {
    let idleness = 0;
    const depth = makeDepth({ idleness: () => idleness, backlog: idleDisk, most: () => 500 });
    for (let now = 0; now < 2_000; now++) {
      idleness = now >= 1_000 && now < 1_100 ? 1 : 0;
      depth.answered(1, now);
      depth.arrived(4 * BLOCK_LENGTH, now);
      if (now > 100) assert.isAtMost(depth.depth(), 32);
    }
  });

  it("asks for no more while it is our disk that we wait for, and for more once that keeps up", () => {
    let emptied = 0;
    const depth = makeDepth({
      idleness: () => 1,
      backlog: { size: () => 3, emptied: () => emptied },
      most: () => 500,
    });
    const run = (from: number, to: number): number => {
      for (let now = from; now < to; now++) {
        depth.answered(1, now);
        depth.arrived(4 * BLOCK_LENGTH, now);
      }
      return depth.depth();
    };
    assert.isAtMost(run(0, 2_000), 32);
    for (let now = 2_000; now < 2_400; now += 10) {
      emptied++;
      run(now, now + 10);
    }
    assert.isAtLeast(depth.depth(), 390);
  });

  it("stays small before the first window of a fast path is over", () => {
    const depth = simulate({ bytesPerSecond: 1e9, roundTrip: 0.1, most: 1_000, duration: 45, settling: 0 }).depth;
    assert.isAtMost(depth, 192);
  });

  it("stays small on a slow path", () => {
    const { depth, used } = simulate({
      bytesPerSecond: 200_000,
      roundTrip: 50,
      most: 1_000,
      duration: 60_000,
      settling: 5_000,
    });
    assert.isAtMost(depth, 16);
    assert.isAbove(used, 0.95);
  });

  it("never asks for more than the peer takes, nor for so little that a read starves", () => {
    const path = { bytesPerSecond: 125e6, roundTrip: 200, duration: 5_000, settling: 1_000 };
    const long = simulate({ ...path, most: 250 }).depth;
    assert.isTrue(long > 200 && long <= 250, `${long} requests`);
    const slow = simulate({ ...path, bytesPerSecond: 20_000, most: 250 }).depth;
    assert.isTrue(slow >= 8 && slow <= 16, `${slow} requests`);
  });

  it("tells the rate of the last second, and that nothing comes any more", () => {
    const depth = makeDepth({ idleness: () => 0, backlog: idleDisk, most: () => 100 });
    for (let now = 0; now <= 2_000; now += 10) {
      depth.answered(5, now);
      depth.arrived(BLOCK_LENGTH, now);
    }
    assert.approximately(depth.rate(2_000), BLOCK_LENGTH * 100, BLOCK_LENGTH * 10);
    assert.isBelow(depth.rate(30_000), BLOCK_LENGTH);
  });
});
