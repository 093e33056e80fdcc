import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber, Stream } from "effect";
import { TestClock } from "effect/testing";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import type { DownloadRequest } from "../../src/streams/request.ts";
import { makeFakePeer } from "../support/fakePeer.ts";
import { makeClient, makeSeed, requestOf, TRACKER, watch } from "../support/swarm.ts";
import { makeTreeFixture } from "../support/trees.ts";
import { leaks, magnetOf, makeWorld, open, secret, SEED } from "../support/seclusion.ts";

/** What is encrypted could not be looked into. */
const request: Partial<DownloadRequest> = { port: 6881, seed: true, encryption: "off" };

describe("a private torrent", () => {
  it.effect("is told to nobody but its tracker and the peers that one names, and nobody else is believed", () =>
    Effect.gen(function* () {
      const { client, gossip, gossipNearby, network, sniffer, trap } = yield* makeWorld(secret);
      yield* makeSeed(secret, { network, address: SEED });
      yield* TestClock.adjust("1 second");
      const run = yield* watch(client, requestOf(secret, request));
      for (let minute = 0; minute < 5; minute++) {
        yield* gossipNearby;
        yield* TestClock.adjust("1 minute");
      }
      assert.isTrue(run.isComplete());
      assert.isAbove(gossip.accepted(), 0);
      assert.deepStrictEqual(leaks(sniffer, secret), []);
      assert.strictEqual(trap.accepted(), 0);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("would have been, were it not private: the tests look in the right places", () =>
    Effect.gen(function* () {
      const { client, network, sniffer, trap } = yield* makeWorld(open);
      yield* makeSeed(open, { network, address: SEED });
      yield* TestClock.adjust("1 second");
      const run = yield* watch(client, requestOf(open, request));
      yield* TestClock.adjust("5 minutes");
      assert.isTrue(run.isComplete());
      const found = new Set(leaks(sniffer, open));
      assert.deepStrictEqual(
        [...found].toSorted(),
        [
          "connection to strangers",
          "dht bit",
          "holepunch message",
          "holepunch offer",
          "multicast packet",
          "pex message",
          "pex offer",
          "port message",
          "uTP to strangers",
          "unicast packet",
          "unicast packet, of another kind",
        ].toSorted(),
      );
      assert.isAbove(trap.accepted(), 0);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});

describe("a magnet link that turns out to be private", () => {
  it.effect("leaks nothing at all when its tracker's peers know the metadata", () =>
    Effect.gen(function* () {
      const { client, network, sniffer, trap } = yield* makeWorld(secret);
      yield* makeSeed(secret, { network, address: "10.0.0.1" });
      yield* TestClock.adjust("1 second");
      const run = yield* watch(client, magnetOf(secret, request));
      // The clock must not run ahead of what is under way.
      for (let step = 0; step < 10; step++) yield* TestClock.adjust("100 millis");
      yield* TestClock.adjust("20 minutes");
      assert.isTrue(run.isComplete());
      assert.deepStrictEqual(
        leaks(sniffer, secret).filter((leak) => leak.endsWith("packet") || leak === "pex message"),
        [],
      );
      // Its tracker's peer told of it before we knew that nobody may.
      assert.deepStrictEqual(run.peer("10.0.0.66"), ["connected", "peer.uninvited"]);
      assert.strictEqual(trap.accepted(), 1);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("is spoken of no more once that is known, and those whom others named are left", () =>
    Effect.gen(function* () {
      const { client, gossipNearby, network, sniffer, trap } = yield* makeWorld(secret);
      const run = yield* watch(client, magnetOf(secret, request));
      yield* TestClock.adjust("5 seconds");
      yield* gossipNearby;
      yield* TestClock.adjust("20 seconds");
      assert.include(leaks(sniffer, secret), "multicast packet");
      assert.include(run.peer("10.0.0.66"), "connected");
      // Only now somebody comes who has the metadata.
      yield* makeSeed(secret, { network, address: "10.0.0.1" }, { peers: [{ host: "10.0.0.2", port: 6881 }] });
      yield* TestClock.adjust("60 seconds");
      assert.isTrue(run.isComplete());
      // The node of the DHT lives on and speaks of other things.
      const told = () => leaks(sniffer, secret).filter((leak) => !leak.endsWith("of another kind"));
      const before = told();
      const dials = [trap.accepted(), run.peer("10.0.0.69").length];
      assert.isAbove(run.peer("10.0.0.69").length, 0);
      for (let minute = 0; minute < 20; minute++) {
        yield* gossipNearby;
        yield* TestClock.adjust("1 minute");
      }
      assert.deepStrictEqual(told(), before);
      assert.deepStrictEqual([trap.accepted(), run.peer("10.0.0.69").length], dials);
      assert.strictEqual(run.peer("10.0.0.66").at(-1), "peer.uninvited");
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("is left by the peers that the link names (x.pe), and they are not asked at all the next time", () =>
    Effect.gen(function* () {
      const { client, network, sniffer, trap } = yield* makeWorld(secret);
      const request = magnetOf(secret, { encryption: "off", noDht: true, noLsd: true }, [
        { host: "10.0.0.66", port: 6881 },
      ]);
      const run = yield* watch(client, request);
      yield* TestClock.adjust("5 seconds");
      assert.deepStrictEqual(run.peer("10.0.0.66"), ["connected"]);
      yield* makeSeed(secret, { network, address: SEED }, { peers: [{ host: "10.0.0.2", port: 6881 }] });
      yield* TestClock.adjust("5 seconds");
      assert.deepStrictEqual(run.peer("10.0.0.66"), ["connected", "peer.uninvited"]);
      yield* Fiber.interrupt(run.fiber);
      const dials = sniffer.streams.length;
      assert.strictEqual(trap.accepted(), 1);
      const again = yield* watch(client, request);
      yield* TestClock.adjust("5 minutes");
      assert.isTrue(again.isComplete());
      assert.isAbove(sniffer.streams.length, dials);
      assert.strictEqual(trap.accepted(), 1);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});

describe("metadata that turns out to be private", () => {
  it.effect("leaves one tracker of those that the link names", () =>
    Effect.gen(function* () {
      const network = yield* Network.make({ latency: "10 millis" });
      const trackers = yield* MemoryTrackers;
      const others = ["udp://second.test:1", "udp://third.test:1"];
      const client = yield* makeClient({ network, address: "10.0.0.2" });
      const run = yield* watch(
        client,
        magnetOf(secret, { noDht: true, noLsd: true, seed: true, port: 6881, trackers: others }),
      );
      yield* TestClock.adjust("10 seconds");
      const told = () =>
        Effect.map(trackers.arrivals, (all) =>
          all.filter(({ at }) => at > learned).map(({ url, request: { event } }) => `${url} ${event}`),
        );
      let learned = 0;
      assert.strictEqual((yield* told()).filter((line) => line.endsWith("started")).length, 3);
      learned = yield* Effect.clockWith((clock) => clock.currentTimeMillis);
      yield* makeSeed(
        secret,
        { network, address: SEED },
        { noTrackers: true, peers: [{ host: "10.0.0.2", port: 6881 }] },
      );
      yield* TestClock.adjust("3 hours");
      assert.isTrue(run.isComplete());
      const after = yield* told();
      assert.sameMembers(
        after.filter((line) => line.endsWith("stopped")),
        others.map((url) => `${url} stopped`),
      );
      const rest = after.filter((line) => !line.endsWith("stopped"));
      assert.isAbove(rest.length, 3);
      assert.deepStrictEqual(
        rest.filter((line) => !line.startsWith(TRACKER)),
        [],
      );
      yield* Fiber.interrupt(run.fiber);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("parts from the peers that the link names before hashes are asked of anybody (BEP 52)", () =>
    Effect.gen(function* () {
      const fixture = makeTreeFixture([["a", 200_000]], { pieceLength: 32_768, version: "hybrid", private: true });
      const network = yield* Network.make({ latency: "10 millis" });
      const named = yield* makeFakePeer({ network, address: "10.0.0.66", fixture, metadata: {} });
      const client = yield* makeClient({ network, address: "10.0.0.2" });
      const wanted = magnetOf(fixture, { noTrackers: true }, [{ host: "10.0.0.66", port: 6881 }]);
      const told: Array<string> = [];
      yield* client.metadata(wanted, { layers: true, learned: () => Effect.void }).pipe(
        Stream.runForEach((event) =>
          Effect.sync(() => void (event.type === "peer" && told.push(event.code ?? event.state))),
        ),
        Effect.forkScoped,
      );
      yield* TestClock.adjust("20 seconds");
      assert.deepStrictEqual(told, ["connected", "peer.uninvited"]);
      assert.strictEqual(named.accepted(), 1);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});
