import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import { makeUtpPacket, selectiveAck, seqAfter, UTP_HEADER_LENGTH, UtpType } from "../../../../src/schema/utp.ts";
import { makeFlight } from "../../../../src/services/Transport/utp/flight.ts";
import { makeReassembly } from "../../../../src/services/Transport/utp/reassembly.ts";

const FULL = 100;

/** A flight of `count` packets that were sent a millisecond apart, from the number `first`. */
const flightOf = (count: number, first = 1) => {
  const flight = makeFlight(first, FULL);
  for (let at = 0; at < count; at++) flight.add(new Uint8Array(FULL), at * 1_000);
  return flight;
};

/** An acknowledgement up to `ack`, and of those of `seqs` beyond. */
const acknowledge = (
  flight: ReturnType<typeof makeFlight>,
  ack: number,
  seqs: ReadonlyArray<number> = [],
  now = 1e6,
) => {
  const furthest = Math.max(0, ...seqs.map((seq) => (seq - ack) & 0xffff));
  const mask = selectiveAck(ack, furthest, (seq) => seqs.includes(seq)) ?? new Uint8Array(0);
  const bytes = new Uint8Array(UTP_HEADER_LENGTH + mask.length);
  bytes.set(mask, UTP_HEADER_LENGTH);
  const packet = { ...makeUtpPacket(), type: UtpType.State, ack, maskAt: UTP_HEADER_LENGTH, maskLength: mask.length };
  const change = flight.acknowledge(bytes, packet, now);
  return change && { ...change };
};

describe("uTP's packets under way", () => {
  it("counts what arrived, and measures packets that were sent once", () => {
    const flight = flightOf(5);
    assert.deepStrictEqual(acknowledge(flight, 2, [], 50_000), {
      bytes: 200,
      flight: 500,
      roundTrip: 49_000,
      lost: false,
      advanced: true,
    });
    assert.strictEqual(flight.bytes(), 300);
    acknowledge(flight, 5);
    assert.isTrue(flight.isEmpty());
  });

  it("takes a packet for lost once three that were sent after it arrived", () => {
    const flight = flightOf(6);
    assert.isFalse(acknowledge(flight, 0, [2, 3])?.lost);
    assert.isTrue(acknowledge(flight, 0, [2, 3, 4])?.lost);
    assert.strictEqual(flight.firstLost()?.seq, 1);
    assert.strictEqual(flight.bytes(), 200);
  });

  it("takes several losses of one round trip for one", () => {
    const flight = flightOf(20);
    assert.isTrue(acknowledge(flight, 0, [4, 5, 6])?.lost);
    for (let lost = flight.firstLost(); lost !== undefined; lost = flight.firstLost()) flight.again(lost, 2e6);
    assert.isFalse(acknowledge(flight, 3, [5, 6, 8, 9, 10, 11], 3e6)?.lost);
    assert.strictEqual(flight.firstLost()?.seq, 7);
  });

  it("finds a burst lost at the end by the answer to a packet that was sent once more", () => {
    const flight = flightOf(10);
    acknowledge(flight, 1, [], 20_000);
    const first = flight.first();
    assert.strictEqual(first?.seq, 2);
    if (first === undefined) return;
    flight.again(first, 200_000);
    // too early to be the answer to that one
    assert.isFalse(acknowledge(flight, 2, [], 201_000)?.lost);
    const next = flight.first();
    if (next !== undefined) flight.again(next, 300_000);
    assert.isTrue(acknowledge(flight, 3, [], 330_000)?.lost);
    // all but the last, which was sent too shortly before
    assert.strictEqual(flight.bytes(), FULL);
    assert.strictEqual(flight.firstLost()?.seq, 4);
  });

  it("believes three repetitions of those who send no masks", () => {
    const flight = flightOf(5);
    for (const isLost of [false, false, true]) assert.strictEqual(acknowledge(flight, 0)?.lost, isLost);
    assert.strictEqual(flight.firstLost()?.seq, 1);
  });

  it("loses all after a time-out, and counts what arrives all the same", () => {
    const flight = flightOf(4);
    flight.loseAll();
    assert.strictEqual(flight.bytes(), 0);
    assert.strictEqual(acknowledge(flight, 3)?.bytes, 300);
    assert.strictEqual(flight.firstLost()?.seq, 4);
  });

  it("refuses what acknowledges packets that were never sent", () => {
    const flight = flightOf(3);
    assert.isUndefined(acknowledge(flight, 4));
    assert.isUndefined(acknowledge(flight, 30_000));
    assert.deepInclude(acknowledge(flight, 0, [9, 500]), { bytes: 0, lost: false });
    assert.strictEqual(flight.bytes(), 300);
  });

  it.prop(
    "keeps count whatever arrives in whatever order",
    {
      first: Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 0xffff }))),
      acks: Schema.Array(
        Schema.Struct({
          ack: Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: -1, maximum: 40 }))),
          beyond: Schema.Array(Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 2, maximum: 45 })))),
        }),
      ),
    },
    ({ first, acks }) => {
      const flight = flightOf(40, first);
      let arrived = 0;
      for (const { ack, beyond } of acks) {
        const seq = seqAfter(first, ack);
        const seqs = beyond.map((by) => seqAfter(seq, by));
        arrived += acknowledge(flight, seq, seqs)?.bytes ?? 0;
        const lost = flight.firstLost();
        if (lost !== undefined) flight.again(lost, 2e6);
        assert.isAtLeast(flight.bytes(), 0);
        assert.isAtMost(flight.bytes() + arrived, 40 * FULL);
      }
      arrived += acknowledge(flight, seqAfter(first, 39))?.bytes ?? 0;
      assert.strictEqual(arrived, 40 * FULL);
      assert.isTrue(flight.isEmpty());
      assert.strictEqual(flight.bytes(), 0);
    },
  );
});

describe("uTP's order", () => {
  it.prop(
    "gives each packet once and in order, whatever comes when",
    [
      Schema.Array(Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 70 })))),
      Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 0xffff }))),
    ],
    ([arrivals, start]) => {
      const order = makeReassembly(start);
      const given: Array<number> = [];
      for (const offset of [...arrivals, ...Array.from({ length: 71 }, (_, at) => at)]) {
        const seq = seqAfter(start, 1 + offset);
        const place = order.place(seq);
        if (place === "ahead") order.hold(seq, Uint8Array.of(offset), false);
        if (place !== "next") continue;
        order.advance();
        given.push(offset);
        for (let next = order.takeNext(); next !== undefined; next = order.takeNext())
          given.push(next.payload[0] ?? -1);
        if (order.hasGap()) assert.isDefined(order.mask());
      }
      assert.deepStrictEqual(
        given,
        Array.from({ length: 71 }, (_, at) => at),
      );
      assert.strictEqual(order.bytes(), 0);
      assert.isUndefined(order.mask());
    },
  );

  it("takes nothing from too far ahead", () => {
    const order = makeReassembly(0);
    assert.strictEqual(order.place(1_024), "ahead");
    assert.strictEqual(order.place(1_025), "beyond");
    assert.strictEqual(order.place(0xffff), "old");
  });
});
