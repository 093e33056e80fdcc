import { assert, describe, it } from "@effect/vitest";
import { Effect, Exit, Fiber, Option } from "effect";
import { TestClock } from "effect/testing";
import { StorageError } from "../../src/schema/errors/StorageError.ts";
import { encode, pieceHeader } from "../../src/schema/wire.ts";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import * as Spoilt from "../../src/services/Storage/middleware.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { makeFakePeer } from "../support/fakePeer.ts";
import { makeClient, makeFixture, makeSeed, requestOf, TRACKER, watch } from "../support/swarm.ts";
import { concat } from "../support/wire.ts";

const SEED = "10.0.0.1";
const OTHER = "10.0.0.3";
const CLIENT = "10.0.0.2";
const PAYLOAD = "/d/payload.bin";

const fixture = makeFixture({ length: 1_000_000, pieceLength: 65_536 });
const peersAt = (...hosts: ReadonlyArray<string>) => ({
  peers: hosts.map((host) => ({ host, port: 6881 })),
  noTrackers: true,
});
const slowNetwork = Network.make({ latency: "10 millis", bytesPerSecond: 200_000 });

describe("download, disturbed,", () => {
  it.effect("keeps what a peer completed with the same read that breaks the protocol", () =>
    Effect.gen(function* () {
      const network = yield* Network.make({ latency: "10 millis" });
      const small = makeFixture({ length: 16_384, pieceLength: 16_384 });
      yield* makeFakePeer({
        network,
        address: SEED,
        fixture: small,
        hear: (message, talk) => {
          if (message._tag !== "Request") return false;
          const block = concat([pieceHeader(0, 0, 16_384), small.bytes]);
          talk.write(concat([block, encode({ _tag: "Have", index: 99 })]));
          return true;
        },
      });
      const client = yield* makeClient({ network, address: CLIENT });
      const run = yield* watch(client, requestOf(small, peersAt(SEED)));
      yield* TestClock.adjust("5 seconds");
      assert.isTrue(run.isComplete());
      assert.deepStrictEqual(yield* client.disk.get(PAYLOAD), small.bytes);
      yield* Fiber.interrupt(run.fiber);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("goes on when a peer vanishes in the middle of a block", () =>
    Effect.gen(function* () {
      const network = yield* slowNetwork;
      yield* makeFakePeer({
        network,
        address: OTHER,
        fixture,
        hear: (message, talk) => {
          if (message._tag !== "Request" || talk.heard.filter(({ _tag }) => _tag === "Request").length < 5)
            return false;
          talk.write(concat([pieceHeader(message.index, message.begin, 16_384), new Uint8Array(9_000).fill(0xee)]));
          talk.hangUp();
          return true;
        },
      });
      yield* makeFakePeer({ network, address: SEED, fixture });
      const client = yield* makeClient({ network, address: CLIENT });
      const run = yield* watch(client, requestOf(fixture, peersAt(OTHER, SEED)));
      yield* TestClock.adjust("30 seconds");
      assert.isTrue(run.isComplete());
      assert.deepStrictEqual(yield* client.disk.get(PAYLOAD), fixture.bytes);
      yield* Fiber.interrupt(run.fiber);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  for (const fast of [true, false]) {
    it.effect(`asks again after a choke in the middle, ${fast ? "with" : "without"} the fast extension`, () =>
      Effect.gen(function* () {
        const network = yield* slowNetwork;
        let choking = false;
        let requests = 0;
        const peer = yield* makeFakePeer({
          network,
          address: SEED,
          fixture,
          fast,
          hear: (message, talk) => {
            if (message._tag !== "Request") return false;
            if (++requests === 5) {
              choking = true;
              talk.say({ _tag: "Choke" });
            }
            if (choking && fast) talk.say({ ...message, _tag: "Reject" });
            return choking;
          },
        });
        const client = yield* makeClient({ network, address: CLIENT });
        const run = yield* watch(client, requestOf(fixture, peersAt(SEED)));
        yield* TestClock.adjust("3 seconds");
        assert.isTrue(choking);
        choking = false;
        for (const talk of peer.talks) talk.say({ _tag: "Unchoke" });
        yield* TestClock.adjust("10 seconds");
        assert.isTrue(run.isComplete());
        assert.strictEqual(peer.talks.length, 1);
        assert.deepStrictEqual(yield* client.disk.get(PAYLOAD), fixture.bytes);
        yield* Fiber.interrupt(run.fiber);
      }).pipe(Effect.provide(MemoryTrackers.layer)),
    );
  }

  it.effect("waits when all peers are gone, and goes on when one is back", () =>
    Effect.gen(function* () {
      const network = yield* slowNetwork;
      const client = yield* makeClient({ network, address: CLIENT });
      const first = yield* Effect.forkChild(
        Effect.scoped(Effect.andThen(makeFakePeer({ network, address: SEED, fixture }), Effect.never)),
      );
      yield* TestClock.adjust("10 millis");
      const run = yield* watch(client, requestOf(fixture, peersAt(SEED)));
      yield* TestClock.adjust("2 seconds");
      yield* Fiber.interrupt(first);
      yield* TestClock.adjust("100 seconds");
      assert.isFalse(run.isComplete());
      assert.match(JSON.stringify(run.events.at(-1)), /waiting/);
      yield* makeFakePeer({ network, address: SEED, fixture });
      yield* TestClock.adjust("70 seconds");
      assert.isTrue(run.isComplete());
      yield* Fiber.interrupt(run.fiber);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("finds its peers when the tracker is down at first, and beside one that never answers", () =>
    Effect.gen(function* () {
      const network = yield* Network.make({ latency: "10 millis" });
      const trackers = yield* MemoryTrackers;
      const announced = makeFixture({ length: 300_000, pieceLength: 65_536, tracker: TRACKER });
      yield* makeSeed(announced, { network, address: SEED });
      yield* TestClock.adjust("1 second");
      const client = yield* makeClient({ network, address: CLIENT });
      const silent = "http://silent.test/announce";
      let down = true;
      yield* trackers.script(TRACKER, () => (down ? { fail: { _tag: "TimedOut" } } : {}));
      yield* trackers.script(silent, () => ({ delay: "1 day" }));
      const run = yield* watch(client, requestOf(announced, { trackers: [silent] }));
      yield* TestClock.adjust("5 seconds");
      assert.isFalse(run.isComplete());
      down = false;
      yield* TestClock.adjust("60 seconds");
      assert.isTrue(run.isComplete());
      yield* Fiber.interrupt(run.fiber);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("fails as typed when the disk is full, and a later run fetches only the rest", () =>
    Effect.gen(function* () {
      const network = yield* slowNetwork;
      yield* makeFakePeer({ network, address: SEED, fixture });
      let room = 500_000;
      const client = yield* makeClient({
        network,
        address: CLIENT,
        storage: Spoilt.around((output, layout) => ({
          ...output,
          write: (offset, bytes) => {
            room -= bytes.length;
            return room >= 0
              ? output.write(offset, bytes)
              : Effect.fail(new StorageError({ operation: "write", path: layout.root, reason: { _tag: "NoSpace" } }));
          },
        })),
      });
      const run = yield* watch(client, requestOf(fixture, peersAt(SEED)));
      yield* TestClock.adjust("30 seconds");
      const exit = yield* Fiber.await(run.fiber);
      const error = Option.getOrUndefined(Exit.findErrorOption(exit));
      assert.isTrue(error instanceof StorageError && error.reason._tag === "NoSpace");
      room = 10_000_000;
      const again = yield* watch(client, requestOf(fixture, peersAt(SEED)));
      yield* TestClock.adjust("30 seconds");
      yield* Fiber.join(again.fiber);
      const end = again.events.find((event) => event.type === "complete");
      assert.isBelow(end?.downloaded ?? Infinity, 1_000_000 - 500_000 + 2 * 65_536);
      assert.deepStrictEqual(yield* client.disk.get(PAYLOAD), fixture.bytes);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("parts from a seed once it seeds itself", () =>
    Effect.gen(function* () {
      const network = yield* Network.make({ latency: "10 millis" });
      const peer = yield* makeFakePeer({ network, address: SEED, fixture });
      const client = yield* makeClient({ network, address: CLIENT });
      const run = yield* watch(client, requestOf(fixture, { ...peersAt(SEED), seed: true }));
      yield* TestClock.adjust("10 seconds");
      assert.isTrue(run.isComplete());
      assert.deepStrictEqual(run.peer(SEED), ["connected", "peer.useless"]);
      assert.isTrue(peer.talks[0]?.ended);
      yield* Fiber.interrupt(run.fiber);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("asks its trackers again soon only while it is short of peers", () =>
    Effect.gen(function* () {
      const network = yield* Network.make({ latency: "10 millis" });
      const trackers = yield* MemoryTrackers;
      const announced = makeFixture({ length: 1_000_000, pieceLength: 65_536, tracker: TRACKER });
      const client = yield* makeClient({ network, address: CLIENT });
      const run = yield* watch(client, requestOf(announced, { maxPeers: 2 }));
      const announces = Effect.map(trackers.arrivals, (arrivals) => arrivals.length);
      yield* TestClock.adjust("5 minutes");
      const hungry = yield* announces;
      assert.isAtLeast(hungry, 4);
      yield* network.link(CLIENT, SEED, { bytesPerSecond: 1_000 });
      yield* makeSeed(announced, { network, address: SEED });
      yield* TestClock.adjust("70 seconds");
      const found = yield* announces;
      yield* TestClock.adjust("5 minutes");
      assert.include(run.peer(SEED), "connected");
      assert.isFalse(run.isComplete());
      assert.strictEqual(yield* announces, found);
      yield* Fiber.interrupt(run.fiber);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});
