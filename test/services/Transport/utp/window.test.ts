import { assert, describe, it } from "@effect/vitest";
import { makeDelays } from "../../../../src/services/Transport/utp/delay.ts";
import { makeLedbat } from "../../../../src/services/Transport/utp/ledbat.ts";
import { makeRoundTrip } from "../../../../src/services/Transport/utp/roundTrip.ts";

const PACKET = 1_372;
const MILLI = 1_000;

describe("uTP's congestion window", () => {
  it("doubles each round trip while nothing queues, only when it is full", () => {
    const ledbat = makeLedbat(PACKET, 1e9);
    const before = ledbat.window();
    ledbat.acked(before, before, 0, false);
    assert.strictEqual(ledbat.window(), before);
    ledbat.acked(before, before, 0, true);
    assert.strictEqual(ledbat.window(), 2 * before);
  });

  it("grows by 3000 bytes a round trip after a loss, less the more queues", () => {
    const ledbat = makeLedbat(PACKET, 1e9);
    for (let i = 0; i < 6; i++) ledbat.acked(ledbat.window(), ledbat.window(), 0, true);
    ledbat.lost(50 * MILLI, 100 * MILLI);
    const before = ledbat.window();
    ledbat.acked(before, before, 0, true);
    assert.approximately(ledbat.window(), before + 3000, 1);
    ledbat.acked(before / 2, before, 50 * MILLI, true);
    assert.approximately(ledbat.window(), before + 3000 + 750, 1);
  });

  it("shrinks when more than the target queues, at most to half in a round trip", () => {
    const ledbat = makeLedbat(PACKET, 1e9);
    for (let i = 0; i < 6; i++) ledbat.acked(ledbat.window(), ledbat.window(), 0, true);
    const before = ledbat.window();
    ledbat.acked(before, before, 110 * MILLI, true);
    assert.isBelow(ledbat.window(), before * 0.95);
    const then = ledbat.window();
    ledbat.acked(then, then, 10_000 * MILLI, true);
    assert.approximately(ledbat.window(), then / 2, 1);
  });

  it("halves after a loss with packets queued, and keeps four fifths after one by chance", () => {
    const ledbat = makeLedbat(PACKET, 1e9);
    for (let i = 0; i < 6; i++) ledbat.acked(ledbat.window(), ledbat.window(), 0, true);
    ledbat.lost(50 * MILLI, 100 * MILLI);
    const before = ledbat.window();
    ledbat.lost(50 * MILLI, 100 * MILLI);
    assert.strictEqual(ledbat.window(), before / 2);
    ledbat.lost(0, 50 * MILLI);
    assert.strictEqual(ledbat.window(), before * 0.4);
  });

  it("starts over with one packet after a time-out, and slows down at half of what it had", () => {
    const ledbat = makeLedbat(PACKET, 1e9);
    for (let i = 0; i < 6; i++) ledbat.acked(ledbat.window(), ledbat.window(), 0, true);
    const had = ledbat.window();
    ledbat.timedOut();
    assert.strictEqual(ledbat.window(), PACKET);
    while (ledbat.window() < had / 2 - PACKET) ledbat.acked(PACKET, PACKET, 0, true);
    const before = ledbat.window();
    ledbat.acked(before, before, 0, true);
    assert.isBelow(ledbat.window(), before + 3001);
  });

  it("is never less than a packet and never more than the bound", () => {
    const ledbat = makeLedbat(PACKET, 100_000);
    for (let i = 0; i < 20; i++) ledbat.acked(ledbat.window(), ledbat.window(), 0, true);
    assert.strictEqual(ledbat.window(), 100_000);
    for (let i = 0; i < 20; i++) ledbat.lost(1, 1);
    assert.strictEqual(ledbat.window(), PACKET);
  });
});

describe("uTP's delays", () => {
  it("takes the difference to the least delay, whatever the clocks say", () => {
    const delays = makeDelays();
    assert.strictEqual(delays.queuing(), 0);
    const offset = 0xffff_ff00;
    for (const delay of [500, 100, 900]) delays.ours((offset + delay) >>> 0, 0);
    // the least of the last samples counts
    assert.strictEqual(delays.queuing(), 0);
    for (let i = 0; i < 4; i++) delays.ours((offset + 5100) >>> 0, 0);
    assert.strictEqual(delays.queuing(), 5000);
  });

  it("ignores what says nothing", () => {
    const delays = makeDelays();
    for (const delay of [0, 0x7fff_ffff]) delays.ours(delay, 0);
    for (let i = 0; i < 4; i++) delays.ours(9_000, 0);
    assert.strictEqual(delays.queuing(), 0);
  });

  it("forgets the least delay after ten minutes", () => {
    const delays = makeDelays();
    delays.ours(1_000, 0);
    const minute = 60e6;
    for (let at = 1; at <= 9; at++) delays.ours(50_000, at * minute);
    assert.strictEqual(delays.queuing(), 49_000);
    for (let at = 10; at <= 14; at++) delays.ours(50_000, at * minute);
    assert.strictEqual(delays.queuing(), 0);
  });

  it("takes a drift of the clocks for what it is", () => {
    const delays = makeDelays();
    delays.ours(10_000, 0);
    delays.theirs(10_000, 0);
    for (let i = 0; i < 4; i++) delays.ours(12_000, 0);
    delays.theirs(8_000, 0);
    assert.strictEqual(delays.queuing(), 0);
  });
});

describe("uTP's round trip", () => {
  it("waits a second at first, then by what was measured but never less than half a second", () => {
    const roundTrip = makeRoundTrip();
    assert.strictEqual(roundTrip.timeout(), 1_000 * MILLI);
    assert.strictEqual(roundTrip.probe(), Infinity);
    roundTrip.sample(20 * MILLI);
    assert.strictEqual(roundTrip.timeout(), 500 * MILLI);
    for (let i = 0; i < 100; i++) roundTrip.sample(2_000 * MILLI);
    assert.isAtLeast(roundTrip.timeout(), 2_000 * MILLI);
    assert.approximately(roundTrip.smoothed(), 2_000 * MILLI, 10);
  });

  it("doubles with each time-out up to a minute, until something arrives", () => {
    const roundTrip = makeRoundTrip();
    roundTrip.timedOut();
    assert.strictEqual(roundTrip.timeout(), 2_000 * MILLI);
    for (let i = 0; i < 50; i++) roundTrip.timedOut();
    assert.strictEqual(roundTrip.timeout(), 60_000 * MILLI);
    roundTrip.progressed();
    assert.strictEqual(roundTrip.timeout(), 1_000 * MILLI);
  });
});
