/** Which of several trackers are asked. */
import { assert, describe, it } from "@effect/vitest";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Latch from "effect/Latch";
import * as NetAddress from "effect/net/NetAddress";
import { TestClock } from "effect/testing";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import {
  A,
  B,
  C,
  arrivals,
  brief,
  infoHash,
  peer,
  settle,
  start,
  trackerEvents,
  world,
} from "../support/announcing.ts";

describe("announces, to several trackers", () => {
  it.effect("lets no dead tracker delay the next tier or the next tracker of a tier", () =>
    Effect.gen(function* () {
      const trackers = yield* MemoryTrackers;
      yield* trackers.script(A, () => ({ delay: Duration.infinity }));
      yield* start({ tiers: [[A], [B], [C]] });
      yield* TestClock.adjust("2999 millis");
      assert.deepStrictEqual(brief(yield* arrivals), [[0, A, "started"]]);
      yield* TestClock.adjust("1 millis");
      assert.sameDeepMembers(brief(yield* arrivals), [
        [0, A, "started"],
        [3, B, "started"],
        [3, C, "started"],
      ]);
    }).pipe(Effect.provide(world)),
  );

  it.effect("asks the next tracker of a tier when one is silent, and the faster one first from then on", () =>
    Effect.gen(function* () {
      const trackers = yield* MemoryTrackers;
      // the order within a tier is random: whoever is asked first hangs
      let silent: string | undefined;
      for (const url of [A, B]) {
        yield* trackers.script(url, () => ((silent ??= url) === url ? { delay: Duration.infinity } : {}));
      }
      const run = yield* start({ tiers: [[A, B]] });
      assert.deepStrictEqual(yield* run.found, []);
      yield* TestClock.adjust("3 seconds");
      const good = silent === A ? B : A;
      const abandoned = trackerEvents(yield* run.events).find(
        (event) => event.url === silent && event.state === "failed",
      );
      assert.strictEqual(abandoned?.code, "tracker.abandoned");
      assert.deepStrictEqual(
        (yield* run.found).map(({ url }) => url),
        [good],
      );
      yield* TestClock.adjust("30 minutes");
      assert.deepStrictEqual(brief(yield* arrivals), [
        [0, silent, "started"],
        [3, good, "started"],
        [1803, good, "none"],
      ]);
    }).pipe(Effect.provide(world)),
  );

  it.effect("goes on to the next tier at once when the first one fails", () =>
    Effect.gen(function* () {
      const trackers = yield* MemoryTrackers;
      yield* trackers.script(A, () => ({ fail: { _tag: "HttpStatus", status: 503 } }));
      const run = yield* start({ tiers: [[A], [B]] });
      assert.deepStrictEqual(brief(yield* arrivals), [
        [0, A, "started"],
        [0, B, "started"],
      ]);
      const failed = trackerEvents(yield* run.events).find((event) => event.state === "failed");
      assert.strictEqual(failed?.code, "tracker.http-status");
      assert.isAtLeast(failed?.next ?? 0, 12);
      assert.isAtMost(failed?.next ?? 0, 18);
    }).pipe(Effect.provide(world)),
  );

  it.effect("asks trackers of a private torrent strictly one at a time and names the one that is replaced", () =>
    Effect.gen(function* () {
      const trackers = yield* MemoryTrackers;
      yield* trackers.script(A, ({ request }) =>
        request.event === "none" ? { delay: "20 seconds", fail: { _tag: "TimedOut" } } : {},
      );
      const run = yield* start({ tiers: [[A], [B]], secluded: yield* Latch.make(true) });
      yield* TestClock.adjust("1819 seconds");
      assert.deepStrictEqual(brief(yield* arrivals), [
        [0, A, "started"],
        [1800, A, "none"],
      ]);
      yield* TestClock.adjust("1 second");
      assert.deepStrictEqual(brief(yield* arrivals).slice(2), [[1820, B, "started"]]);
      assert.deepStrictEqual(yield* run.found, [
        { url: A, peers: [] },
        { url: B, peers: [], insteadOf: A },
      ]);
    }).pipe(Effect.provide(world)),
  );

  it.effect(
    "keeps one tracker, and takes leave of the others, as soon as a magnet's torrent turns out to be private",
    () =>
      Effect.gen(function* () {
        const trackers = yield* MemoryTrackers;
        const other = NetAddress.inetAddressFromStringUnsafe("10.0.0.10:6881");
        yield* trackers.add(B, infoHash, peer);
        yield* trackers.add(C, infoHash, other);
        yield* trackers.script(A, () => ({ fail: { _tag: "TimedOut" } }));
        const run = yield* start({ tiers: [[A], [B], [C]] });
        yield* TestClock.adjust("10 seconds");
        const before = (yield* arrivals).length;
        assert.sameMembers(
          (yield* run.found).map(({ url }) => url),
          [B, C],
        );
        yield* Latch.open(run.secluded);
        yield* settle;
        assert.deepStrictEqual(brief(yield* arrivals).slice(before), [[10, C, "stopped"]]);
        // those whom the tracker that stays did not name are to be left
        assert.deepStrictEqual((yield* run.found).at(-1), { url: B, peers: [peer], insteadOf: C });
        // on from when it was asked last
        yield* TestClock.adjust("1790 seconds");
        assert.deepStrictEqual(brief(yield* arrivals).slice(before + 1), [[1800, B, "none"]]);
        yield* trackers.script(B, () => ({ fail: { _tag: "TimedOut" } }));
        yield* TestClock.adjust("1800 seconds");
        assert.deepStrictEqual(brief(yield* arrivals).slice(before + 2, before + 5), [
          [3600, B, "none"],
          [3600, A, "started"],
          [3600, C, "started"],
        ]);
      }).pipe(Effect.provide(world)),
  );

  it.effect(
    "asks one tracker after the other where none had answered before the torrent turned out to be private",
    () =>
      Effect.gen(function* () {
        const trackers = yield* MemoryTrackers;
        for (const url of [A, B, C])
          yield* trackers.script(url, () => ({ delay: "20 seconds", fail: { _tag: "TimedOut" } }));
        const run = yield* start({ tiers: [[A], [B], [C]] });
        yield* TestClock.adjust("10 seconds");
        const before = (yield* arrivals).length;
        yield* Latch.open(run.secluded);
        yield* TestClock.adjust("41 seconds");
        assert.deepStrictEqual(brief(yield* arrivals).slice(before), [
          [10, A, "started"],
          [30, B, "started"],
          [50, C, "started"],
        ]);
      }).pipe(Effect.provide(world)),
  );

  it.effect("drops trackers named twice and ends at once without any", () =>
    Effect.gen(function* () {
      yield* start({ tiers: [[A, A], [A], []] });
      yield* TestClock.adjust("10 seconds");
      assert.deepStrictEqual(brief(yield* arrivals), [[0, A, "started"]]);
      const none = yield* start({ tiers: [] });
      yield* Fiber.join(none.fiber);
    }).pipe(Effect.provide(world)),
  );
});
