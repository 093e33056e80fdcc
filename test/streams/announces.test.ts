import { assert, describe, it } from "@effect/vitest";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Latch from "effect/Latch";
import * as Layer from "effect/Layer";
import * as NetAddress from "effect/net/NetAddress";
import * as Option from "effect/Option";
import * as Ref from "effect/Ref";
import * as Scope from "effect/Scope";
import * as Exit from "effect/Exit";
import * as Clock from "effect/Clock";
import * as Stream from "effect/Stream";
import { TestClock } from "effect/testing";
import type { DownloadEvent, TrackerEvent } from "../../src/schema/events.ts";
import * as InfoHash from "../../src/schema/infoHash.ts";
import { AnnounceSettings, defaultAnnounceSettings } from "../../src/schema/settings.ts";
import { Events } from "../../src/services/Events.ts";
import { layerMemory, MemoryTrackers, type Arrival } from "../../src/services/Tracker/memory.ts";
import { makeEntrance } from "../../src/streams/entrance.ts";
import { makeNames } from "../../src/streams/names.ts";
import { announces, type AnnounceOptions, type FoundPeers } from "../../src/streams/announces.ts";

const infoHash = Option.getOrThrow(InfoHash.fromBytes(new Uint8Array(20).fill(7)));
const peer = NetAddress.inetAddressFromStringUnsafe("10.0.0.9:6881");
const [A, B, C] = ["http://a/announce", "udp://b:1", "http://c/announce"] as const;
const world = Layer.merge(layerMemory, Events.layer);

/** Lets all fibers run until they wait for time to pass. */
const settle = Effect.repeat(Effect.yieldNow, { times: 100 });

/** Runs announces in the background; gives what came out so far, and the end of it all. */
const start = (options: Partial<AnnounceOptions> & Pick<AnnounceOptions, "tiers">) =>
  Effect.gen(function* () {
    const found = yield* Ref.make<ReadonlyArray<FoundPeers>>([]);
    const events = yield* Ref.make<ReadonlyArray<DownloadEvent>>([]);
    const bus = yield* Events;
    yield* Effect.forkScoped(
      Stream.runForEach(bus.stream, (event) => Ref.update(events, (all) => [...all, event])),
      { startImmediately: true },
    );
    const completed = yield* Latch.make(false);
    const hungry = yield* Latch.make(false);
    const stream = announces({
      names: makeNames({ infoHash, infoHashV1: infoHash.hex }, true),
      peerId: new Uint8Array(20),
      port: () => 7000,
      otherPort: () => Effect.never,
      stats: () => ({ uploaded: 1, downloaded: 2, left: 3, partialSeed: false }),
      completed,
      hungry,
      private: false,
      ...options,
    });
    const fiber = yield* Effect.forkScoped(
      Stream.runForEach(stream, (one) => Ref.update(found, (all) => [...all, one])),
    );
    yield* settle;
    return { found: Ref.get(found), events: Ref.get(events), completed, hungry, fiber };
  });

const arrivals = Effect.flatMap(MemoryTrackers, (trackers) => trackers.arrivals);
const brief = (all: ReadonlyArray<Arrival>) => all.map(({ at, url, request }) => [at / 1000, url, request.event]);
const trackerEvents = (events: ReadonlyArray<DownloadEvent>) =>
  events.filter((event): event is TrackerEvent => event.type === "tracker");

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

  it.effect("asks trackers of a private torrent strictly one at a time and names the one that is replaced", () =>
    Effect.gen(function* () {
      const trackers = yield* MemoryTrackers;
      yield* trackers.script(A, ({ request }) =>
        request.event === "none" ? { delay: "20 seconds", fail: { _tag: "TimedOut" } } : {},
      );
      const run = yield* start({ tiers: [[A], [B]], private: true });
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

describe("announces, of a partial seed", () => {
  it.effect("says at once that nothing more is fetched, and never that the torrent is complete (BEP 21)", () =>
    Effect.gen(function* () {
      let partialSeed = false;
      const stats = () => ({ uploaded: 0, downloaded: 9, left: 3, partialSeed });
      const run = yield* start({ tiers: [[A]], stats });
      yield* TestClock.adjust("1 minute");
      partialSeed = true;
      yield* Latch.open(run.completed);
      yield* TestClock.adjust("40 minutes");
      yield* Fiber.interrupt(run.fiber);
      assert.deepStrictEqual(
        (yield* arrivals).map(({ at, request }) => [at / 1000, request.event, request.partialSeed, request.left]),
        [
          [0, "started", false, 3],
          [60, "none", true, 3],
          [1860, "none", true, 3],
          [2460, "stopped", true, 3],
        ],
      );
    }).pipe(Effect.provide(world)),
  );
});

describe("announces, at the end of its scope", () => {
  /** Starts announces in a scope of its own, lets it run, closes it; gives the milliseconds that closing took. */
  const stopping = (
    tiers: ReadonlyArray<ReadonlyArray<string>>,
    before: (completed: Latch.Latch) => Effect.Effect<void>,
  ) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make();
      const run = yield* Scope.provide(start({ tiers }), scope);
      yield* TestClock.adjust("5 seconds");
      yield* before(run.completed);
      const from = yield* Clock.currentTimeMillis;
      const closing = yield* Effect.forkChild(Effect.andThen(Fiber.interrupt(run.fiber), Clock.currentTimeMillis));
      yield* TestClock.adjust("1 minute");
      yield* Scope.close(scope, Exit.void);
      return (yield* Fiber.join(closing)) - from;
    });

  it.effect("tells stopped to all that were told started, asking for no peers, and waits no longer than needed", () =>
    Effect.gen(function* () {
      const trackers = yield* MemoryTrackers;
      yield* trackers.script(C, () => ({ fail: { _tag: "TimedOut" } }));
      assert.strictEqual(yield* stopping([[A], [B], [C]], () => Effect.void), 0);
      const stopped = (yield* arrivals).filter(({ request }) => request.event === "stopped");
      assert.sameDeepMembers(brief(stopped), [
        [5, A, "stopped"],
        [5, B, "stopped"],
      ]);
      assert.isTrue(stopped.every(({ request }) => request.numwant === 0));
      assert.deepStrictEqual(yield* trackers.swarm(A, infoHash), []);
    }).pipe(Effect.provide(world)),
  );

  it.effect("gives up on silent trackers after two seconds in total", () =>
    Effect.gen(function* () {
      const trackers = yield* MemoryTrackers;
      for (const url of [A, B]) {
        yield* trackers.script(url, ({ request }) => (request.event === "stopped" ? { delay: Duration.infinity } : {}));
      }
      assert.strictEqual(yield* stopping([[A], [B], [C]], () => Effect.void), 2000);
      assert.strictEqual((yield* arrivals).filter(({ request }) => request.event === "stopped").length, 3);
    }).pipe(Effect.provide(world)),
  );

  it.effect("tells completed before stopped when the download completed in that moment", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* stopping([[A]], (completed) => Effect.asVoid(Latch.open(completed))), 0);
      assert.deepStrictEqual(
        (yield* arrivals).map(({ request }) => request.event),
        ["started", "completed", "stopped"],
      );
    }).pipe(Effect.provide(world)),
  );

  describe("of a hybrid", () => {
    const second = Option.getOrThrow(InfoHash.fromBytes(new Uint8Array(20).fill(8)));
    const hashes = { infoHash, infoHashV1: infoHash.hex, infoHashV2: `${second.hex}${"00".repeat(12)}` };
    const other = NetAddress.inetAddressFromStringUnsafe("10.0.0.8:6881");
    const both = (all: ReadonlyArray<Arrival>) =>
      all.map(({ at, request }) => [at / 1000, request.infoHash.hex.slice(0, 2), request.event]);

    it.effect("tells each tracker both names at once, at one pace, and joins what it answers", () =>
      Effect.gen(function* () {
        const trackers = yield* MemoryTrackers;
        yield* trackers.add(A, infoHash, peer);
        yield* trackers.add(A, second, other);
        const run = yield* start({ tiers: [[A]], names: makeNames(hashes, true) });
        assert.deepStrictEqual(yield* run.found, [{ url: A, peers: [peer, other] }]);
        yield* Latch.open(run.completed);
        yield* TestClock.adjust("30 minutes");
        assert.deepStrictEqual(both(yield* arrivals), [
          [0, "07", "started"],
          [0, "08", "started"],
          [0, "07", "completed"],
          [0, "08", "completed"],
          [1800, "07", "none"],
          [1800, "08", "none"],
        ]);
        assert.strictEqual(trackerEvents(yield* run.events).filter(({ state }) => state === "ok").length, 3);
        yield* Fiber.interrupt(run.fiber);
        assert.deepStrictEqual(both(yield* arrivals).slice(-2), [
          [1800, "07", "stopped"],
          [1800, "08", "stopped"],
        ]);
      }).pipe(Effect.provide(world)),
    );

    it.effect(
      "takes a tracker that knows one name, waits no longer than a moment for the other, and goes on asking for both",
      () =>
        Effect.gen(function* () {
          const trackers = yield* MemoryTrackers;
          yield* trackers.add(A, infoHash, peer);
          yield* trackers.add(B, infoHash, peer);
          yield* trackers.script(A, ({ request }) =>
            request.infoHash.hex === second.hex ? { fail: { _tag: "Rejected", text: "unregistered" } } : {},
          );
          yield* trackers.script(B, ({ request }) =>
            request.infoHash.hex === second.hex ? { delay: Duration.infinity } : {},
          );
          const run = yield* start({ tiers: [[A], [B]], names: makeNames(hashes, true) });
          assert.deepStrictEqual(yield* run.found, [{ url: A, peers: [peer] }]);
          yield* Latch.open(run.completed);
          yield* TestClock.adjust("6 seconds");
          assert.deepStrictEqual(
            (yield* run.found).map(({ url }) => url),
            [A, A, B],
          );
          yield* TestClock.adjust("30 minutes");
          const ofA = (yield* arrivals).filter(({ url }) => url === A);
          assert.deepStrictEqual(both(ofA), [
            [0, "07", "started"],
            [0, "08", "started"],
            [0, "07", "completed"],
            [0, "08", "started"],
            [1800, "07", "none"],
            [1800, "08", "started"],
          ]);
        }).pipe(Effect.provide(world)),
    );

    it.effect("fails with a tracker that refuses both, and asks it again later", () =>
      Effect.gen(function* () {
        const trackers = yield* MemoryTrackers;
        yield* trackers.script(A, () => ({ fail: { _tag: "Rejected", text: "go away" } }));
        const run = yield* start({ tiers: [[A]], names: makeNames(hashes, true) });
        yield* TestClock.adjust("2 minutes");
        const states = trackerEvents(yield* run.events).map(({ state }) => state);
        assert.deepStrictEqual(states.slice(0, 4), ["announcing", "failed", "announcing", "failed"]);
        assert.deepStrictEqual(yield* run.found, []);
      }).pipe(Effect.provide(world)),
    );

    it.effect("tells of a name that a magnet link did not have as soon as it is known, and of that alone", () =>
      Effect.gen(function* () {
        const names = makeNames({ infoHash, infoHashV1: infoHash.hex }, false);
        yield* start({ tiers: [[A]], names });
        yield* TestClock.adjust("1 minute");
        names.learned(hashes);
        yield* TestClock.adjust("1 minute");
        assert.deepStrictEqual(both(yield* arrivals), [
          [0, "07", "started"],
          [60, "08", "started"],
        ]);
        yield* TestClock.adjust("30 minutes");
        assert.deepStrictEqual(both(yield* arrivals).slice(2), [
          [1860, "07", "none"],
          [1860, "08", "none"],
        ]);
      }).pipe(Effect.provide(world)),
    );
  });
});
