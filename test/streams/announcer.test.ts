import { assert, describe, it } from "@effect/vitest";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Latch from "effect/Latch";
import * as NetAddress from "effect/net/NetAddress";
import * as Option from "effect/Option";
import * as Scope from "effect/Scope";
import * as Exit from "effect/Exit";
import * as Clock from "effect/Clock";
import { TestClock } from "effect/testing";
import * as InfoHash from "../../src/schema/infoHash.ts";
import { makeNames } from "../../src/streams/names.ts";
import { MemoryTrackers, type Arrival } from "../../src/services/Tracker/memory.ts";
import { A, B, C, arrivals, brief, infoHash, peer, start, trackerEvents, world } from "../support/announcing.ts";

describe("the announcer, of a partial seed", () => {
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

describe("the announcer, at the end of its scope", () => {
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

  it.effect(
    "does not wait for the answer to completed before it tells stopped, and tells it again when that comes last",
    () =>
      Effect.gen(function* () {
        const trackers = yield* MemoryTrackers;
        yield* trackers.script(A, ({ request }) => (request.event === "started" ? {} : { delay: "100 millis" }));
        yield* trackers.script(B, ({ request }) => (request.event === "completed" ? { delay: "300 millis" } : {}));
        const complete = (completed: Latch.Latch) => Effect.asVoid(Latch.open(completed));
        const events = (url: string) =>
          Effect.map(arrivals, (all) => all.filter((one) => one.url === url).map(({ request }) => request.event));
        assert.strictEqual(yield* stopping([[A]], complete), 100);
        // The first `completed` was under way when the end came, and is given up.
        assert.deepStrictEqual(yield* events(A), ["started", "completed", "completed", "stopped"]);
        assert.strictEqual(yield* stopping([[B]], complete), 300);
        assert.deepStrictEqual(yield* events(B), ["started", "completed", "completed", "stopped", "stopped"]);
        assert.deepStrictEqual(yield* trackers.swarm(B, infoHash), []);
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
