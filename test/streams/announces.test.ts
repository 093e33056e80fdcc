/** When trackers are asked, and what they are told. */
import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Latch from "effect/Latch";
import { TestClock } from "effect/testing";
import { AnnounceSettings, defaultAnnounceSettings } from "../../src/schema/settings.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { makeEntrance } from "../../src/streams/entrance.ts";
import { A, B, arrivals, brief, infoHash, peer, start, trackerEvents, world } from "../support/announcing.ts";

describe("announces", () => {
  it.effect("asks at once, then at the tracker's interval", () =>
    Effect.gen(function* () {
      const trackers = yield* MemoryTrackers;
      yield* trackers.add(A, infoHash, peer);
      const run = yield* start({ tiers: [[A]] });
      assert.deepStrictEqual(yield* run.found, [{ url: A, peers: [peer] }]);
      yield* TestClock.adjust("1 hour");
      assert.deepStrictEqual(brief(yield* arrivals), [
        [0, A, "started"],
        [1800, A, "none"],
        [3600, A, "none"],
      ]);
      const [first] = yield* arrivals;
      assert.deepInclude(first?.request, { uploaded: 1, downloaded: 2, left: 3, numwant: 200, port: 7000 });
      assert.deepStrictEqual(trackerEvents(yield* run.events).slice(0, 2), [
        { type: "tracker", url: A, state: "announcing" },
        { type: "tracker", url: A, state: "ok", peers: 1, seeders: 1, leechers: 0, next: 1800, soonest: 60 },
      ]);
    }).pipe(Effect.provide(world)),
  );

  it.effect("backs off twice as long after each failure, up to the cap, and starts over after an answer", () =>
    Effect.gen(function* () {
      const trackers = yield* MemoryTrackers;
      let calls = 0;
      yield* trackers.script(A, () => (++calls === 7 ? {} : { fail: { _tag: "TimedOut" } }));
      yield* start({ tiers: [[A]] });
      yield* TestClock.adjust("2 hours");
      const times = (yield* arrivals).map(({ at }) => at);
      const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
      [15_000, 30_000, 60_000, 100_000, 100_000, 100_000].forEach((wait, index) => {
        assert.isAtLeast(gaps[index] ?? 0, Math.min(Math.floor(wait * 0.8), 100_000), `gap ${index}`);
        assert.isAtMost(gaps[index] ?? 0, Math.min(wait * 1.2, 100_000), `gap ${index}`);
      });
      assert.strictEqual(gaps[6], 1_800_000);
      assert.isAtMost(gaps[7] ?? 0, 18_000);
    }).pipe(
      Effect.provide(world),
      // oxlint-disable-next-line typescript/no-misused-spread -- the settings are plain data; the rule takes their Reference for a class
      Effect.provideService(AnnounceSettings, { ...defaultAnnounceSettings, backoffCap: 100 }),
    ),
  );

  it.effect("waits as long as `retry in` says, and never asks again after `never`", () =>
    Effect.gen(function* () {
      const trackers = yield* MemoryTrackers;
      const rejected = (retryIn: number | "never") =>
        ({ fail: { _tag: "Rejected", text: "Overloaded", retryIn } }) as const;
      yield* trackers.script(A, ({ at }) => rejected(at === 0 ? 300 : "never"));
      const run = yield* start({ tiers: [[A]] });
      yield* TestClock.adjust("1 day");
      assert.deepStrictEqual(brief(yield* arrivals), [
        [0, A, "started"],
        [300, A, "started"],
      ]);
      yield* Fiber.join(run.fiber); // nobody left to ask: the stream ends
      assert.deepStrictEqual(
        trackerEvents(yield* run.events).map(({ state, next }) => [state, next]),
        [
          ["announcing", undefined],
          ["failed", 300],
          ["announcing", undefined],
          ["failed", undefined],
        ],
      );
    }).pipe(Effect.provide(world)),
  );

  it.effect("tells completed once, at once, to who was told started before", () =>
    Effect.gen(function* () {
      const run = yield* start({ tiers: [[A]] });
      yield* TestClock.adjust("10 seconds");
      yield* Latch.open(run.completed);
      yield* TestClock.adjust("1 hour");
      assert.deepStrictEqual(brief(yield* arrivals), [
        [0, A, "started"],
        [10, A, "completed"],
        [1810, A, "none"],
        [3610, A, "none"],
      ]);
    }).pipe(Effect.provide(world)),
  );

  it.effect("tells completed again after it failed, and never to who first hears of us complete", () =>
    Effect.gen(function* () {
      const trackers = yield* MemoryTrackers;
      yield* trackers.script(A, ({ at }) => (at === 10_000 ? { fail: { _tag: "TimedOut" } } : {}));
      yield* trackers.script(B, ({ at }) => (at < 10_000 ? { fail: { _tag: "TimedOut" } } : {}));
      const run = yield* start({ tiers: [[A], [B]] });
      yield* TestClock.adjust("10 seconds");
      yield* Latch.open(run.completed);
      yield* TestClock.adjust("1 minute");
      const all = yield* arrivals;
      assert.deepStrictEqual(
        all.filter(({ url }) => url === A).map(({ request }) => request.event),
        ["started", "completed", "completed"],
      );
      assert.deepStrictEqual(
        all.filter(({ url }) => url === B).map(({ request }) => request.event),
        ["started", "started"],
      );
    }).pipe(Effect.provide(world)),
  );

  it.effect("asks out of turn when short of peers, but not before the min interval", () =>
    Effect.gen(function* () {
      const trackers = yield* MemoryTrackers;
      yield* trackers.script(A, () => ({ response: { minInterval: 120 } }));
      const run = yield* start({ tiers: [[A]] });
      yield* Latch.open(run.hungry);
      yield* TestClock.adjust("250 seconds");
      yield* Latch.close(run.hungry);
      yield* TestClock.adjust("10 minutes");
      assert.deepStrictEqual(
        brief(yield* arrivals).map(([at]) => at),
        [0, 120, 240],
      );
    }).pipe(Effect.provide(world)),
  );

  it.effect("clamps intervals that are too short, too long or missing", () =>
    Effect.gen(function* () {
      const trackers = yield* MemoryTrackers;
      let calls = 0;
      yield* trackers.script(A, () => ({ response: { interval: [1, 0, 1e9][calls++] ?? 1800 } }));
      yield* start({ tiers: [[A]] });
      yield* TestClock.adjust("2 days");
      assert.deepStrictEqual(
        brief(yield* arrivals)
          .slice(0, 4)
          .map(([at]) => at),
        [0, 60, 1860, 88_260],
      );
    }).pipe(Effect.provide(world)),
  );

  it.effect("hands the tracker id back and publishes a warning", () =>
    Effect.gen(function* () {
      const trackers = yield* MemoryTrackers;
      yield* trackers.script(A, ({ at }) => ({
        response: at === 0 ? { trackerId: "x1", warning: "please upgrade" } : {},
      }));
      const run = yield* start({ tiers: [[A]] });
      yield* TestClock.adjust("1 hour");
      assert.deepStrictEqual(
        (yield* arrivals).map(({ request }) => request.trackerId),
        [undefined, "x1", "x1"],
      );
      assert.deepInclude(yield* run.events, {
        type: "warning",
        code: "tracker.warning",
        message: `${A}: the tracker warns: please upgrade`,
      });
    }).pipe(Effect.provide(world)),
  );
});

describe("announces, when peers reach us by another port", () => {
  it.effect("tells it as soon as the tracker may be asked again, and once", () =>
    Effect.gen(function* () {
      const entrance = makeEntrance(7000, () => {});
      const port = () => entrance.port() ?? 0;
      yield* start({ tiers: [[A]], port, otherPort: entrance.otherThan });
      yield* TestClock.adjust("5 seconds");
      entrance.granted({ external: 40_000 });
      yield* TestClock.adjust("30 minutes");
      assert.deepStrictEqual(
        (yield* arrivals).map(({ at, request }) => [at / 1000, request.port]),
        [
          [0, 7000],
          [60, 40_000],
        ],
      );
    }).pipe(Effect.provide(world)),
  );
});
