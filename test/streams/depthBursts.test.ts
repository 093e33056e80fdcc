import { assert, describe, it } from "@effect/vitest";
import { BLOCK_LENGTH, type BlockSpan } from "../../src/schema/block.ts";
import { makeDepth } from "../../src/streams/depth.ts";
import { makeRequests } from "../../src/streams/requests.ts";
import { endless, idleDisk, unused } from "../support/endless.ts";

/**
 * A near peer that looks at its requests every `period` milliseconds and answers, in the order they came in, as many as it may; the first four it happened to answer at once.
 * `run` returns the requests that wait then.
 */
const inBursts = (period: number): { readonly run: (until: number, most: number) => number } => {
  const depth = makeDepth({ idleness: () => 0, backlog: idleDisk, most: () => 500 });
  const asked: Array<number> = [];
  let now = 1;
  const answer = (count: number): void => {
    for (const sentAt of asked.splice(0, count)) {
      depth.answered(now - sentAt, now);
      depth.arrived(BLOCK_LENGTH, now);
    }
    while (asked.length < depth.depth()) asked.push(now);
  };
  while (asked.length < depth.depth()) asked.push(0);
  answer(4);
  now = 0;
  return {
    run: (until, most) => {
      while (now < until) {
        now += period;
        answer(most);
      }
      return asked.length;
    },
  };
};

describe("depth, of a peer that answers in bursts", () => {
  it("asks more of a peer that answers in bursts, however fast it was once, and less again when it does so no more", () => {
    const waiting: Array<BlockSpan> = [];
    const requests = makeRequests(endless(), {
      slot: 0,
      address: "10.0.0.1:1",
      ask: (blocks) => void waiting.push(...blocks),
      cancel: unused,
      idleness: () => 0,
      most: () => 500,
      whileChoked: () => undefined,
      first: () => undefined,
    });
    /** Answers what waits, as it comes off the socket: four blocks a read. */
    const answer = (count: number, now: number): void => {
      for (let left = count; left > 0; left -= 4) {
        for (const { index } of waiting.splice(0, Math.min(4, left)))
          requests.arrived({ index, begin: 0, length: BLOCK_LENGTH, wanted: true }, now);
        requests.refill(now, false, Number.POSITIVE_INFINITY);
      }
    };
    requests.refill(0, false, Number.POSITIVE_INFINITY);
    answer(4, 1);
    for (let tick = 500; tick <= 5_000; tick += 500) answer(waiting.length, tick);
    assert.isAtLeast(waiting.length, 400);
    for (let now = 5_000; now <= 25_000; now++) answer(1, now);
    assert.isAtMost(waiting.length, 40);
  });

  it("asks little more of a peer that keeps to a rate and sends in bursts, though it uses up what waits", () => {
    const depth = makeDepth({ idleness: () => 1, backlog: idleDisk, most: () => 500 });
    // 640 KiB/s: twenty blocks every half second. What waits is answered in the order it was asked for.
    const asked: Array<number> = [];
    const ask = (now: number): void => {
      while (asked.length < depth.depth()) asked.push(now);
    };
    ask(0);
    let most = 0;
    let unused = 0;
    for (let tick = 500; tick <= 60_000; tick += 500) {
      const burst = asked.splice(0, 20);
      unused += 20 - burst.length;
      for (const sentAt of burst) {
        depth.answered(tick - sentAt, tick);
        depth.arrived(BLOCK_LENGTH, tick);
      }
      ask(tick);
      if (tick > 20_000) most = Math.max(most, depth.depth());
    }
    assert.isAtMost(most, 50);
    assert.isAtMost(unused / (120 * 20), 0.1);
  });

  it("lets bursts grow that come less than once a second", () => {
    assert.isAtLeast(inBursts(1_200).run(60_000, 500), 400);
  });

  it("forgets how fast a peer was once that has become slow: a second time its bursts grow as fast as the first", () => {
    const peer = inBursts(500);
    assert.isAtLeast(peer.run(5_000, 500), 400);
    assert.isAtMost(peer.run(45_000, 8), 24);
    assert.isAtLeast(peer.run(50_000, 500), 300);
  });
});
