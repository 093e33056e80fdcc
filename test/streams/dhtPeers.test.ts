import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber, Layer, Stream } from "effect";
import { NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import { type InfoHash, wireNames } from "../../src/schema/infoHash.ts";
import type { Magnet } from "../../src/schema/magnet.ts";
import { type Announcement, Dht, type PeersOptions } from "../../src/services/Dht/Dht.ts";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import type { DownloadRequest } from "../../src/streams/request.ts";
import { makeFakePeer } from "../support/fakePeer.ts";
import { makeTreeFixture } from "../support/trees.ts";
import { dhtOnly, DHT_PORT, infoHashOf, inet, makeDht } from "../support/dht.ts";
import { type Fixture, makeClient, makeFixture, makeSeed, requestOf, TRACKER, watch } from "../support/swarm.ts";

const router = { host: "20.0.0.1", port: DHT_PORT };

/** The fixture as a magnet that names nobody. */
const magnetOf = (fixture: Fixture, change: Partial<DownloadRequest> = {}): DownloadRequest => {
  const magnet: Magnet = {
    infoHash: fixture.metainfo.info.infoHash,
    infoHashV1: fixture.metainfo.info.infoHash.hex,
    trackers: [],
    webSeeds: [],
    peers: [],
    nodes: [],
  };
  return { ...requestOf(fixture, change), source: { _tag: "Magnet", magnet } };
};

/** A DHT that knows `peers` of every torrent, and notes what it is used for. */
const makeSpy = (peers: ReadonlyArray<string>) => {
  const searched: Array<InfoHash> = [];
  const told: Array<string> = [];
  const announced: Array<Announcement> = [];
  let searching = 0;
  let ask: PeersOptions["announce"];
  const layer = Layer.succeed(
    Dht,
    Dht.of({
      port: 4_000,
      peers: (infoHash, options) =>
        Stream.unwrap(
          Effect.gen(function* () {
            ask = options?.announce;
            searched.push(infoHash);
            searching++;
            yield* Effect.addFinalizer(() => Effect.sync(() => searching--));
            return Stream.concat(Stream.fromIterable(peers.map(inet)), Stream.never);
          }),
        ),
      announce: (_infoHash, announcement) => Effect.sync(() => announced.push(announcement)),
      scrape: () => Effect.succeed({ seeds: 0, peers: 0 }),
      addNode: (address) => void told.push(NetAddress.formatInet(address)),
      stats: () => new Map(),
    }),
  );
  return {
    layer,
    searched,
    told,
    announced,
    searching: () => searching,
    /** What it would announce after a lookup that ended now. */
    announcement: () => ask?.(),
  };
};

/** Moves the clock in small steps, so that what takes no time happens as well. */
const soon = Effect.repeat(TestClock.adjust("5 millis"), { times: 10 });

describe("dhtPeers", () => {
  it.effect("downloads a magnet that names nobody through a DHT of 20 nodes", () =>
    Effect.gen(function* () {
      const fixture = makeFixture({ length: 200_000, pieceLength: 32_768 });
      const network = yield* Network.make({ latency: "10 millis" });
      for (let i = 0; i < 20; i++) {
        const { dht } = yield* makeDht(network, `20.${i}.0.1`, { routers: i === 0 ? [] : [router] });
        yield* Effect.forkScoped(dht.announce(infoHashOf(9), { port: 1, seed: false }));
        yield* TestClock.adjust("1 second");
      }
      yield* makeSeed(fixture, { network, address: "30.0.0.1", dht: dhtOnly({ routers: [router] }) });
      yield* TestClock.adjust("2 minutes");
      const client = yield* makeClient({ network, address: "30.1.0.1", dht: dhtOnly({ routers: [router] }) });
      const run = yield* watch(client, magnetOf(fixture));
      yield* TestClock.adjust("10 seconds");
      assert.isTrue(run.isComplete());
      assert.deepStrictEqual(yield* client.disk.get("/d/payload.bin"), fixture.bytes);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect(
    "searches for both names of a hybrid, for that which a link lacks as soon as it is known, and announces both",
    () =>
      Effect.gen(function* () {
        const fixture = makeTreeFixture([["a", 100_000]], { version: "hybrid", pieceLength: 32_768 });
        const [v1, v2] = wireNames(fixture.metainfo.info);
        const network = yield* Network.make({ latency: "10 millis" });
        const whole = makeSpy([]);
        const first = yield* makeClient({ network, address: "10.0.0.1", dht: whole.layer });
        yield* watch(first, requestOf(fixture, { noTrackers: true }));
        yield* soon;
        assert.deepStrictEqual(whole.searched, [v1, v2]);

        const fake = yield* makeFakePeer({ network, address: "10.0.0.3", fixture, metadata: {} });
        const link = makeSpy([fake.address]);
        const second = yield* makeClient({ network, address: "10.0.0.2", dht: link.layer });
        yield* watch(second, magnetOf(fixture, { port: 6881 }));
        yield* TestClock.adjust("3 seconds");
        assert.deepStrictEqual(link.searched, [v1, v2]);
        assert.strictEqual(link.announced.length, 1);
        assert.deepStrictEqual(link.announcement(), { port: 6881, seed: true });
      }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("says that there is nobody to ask when it is switched off, and what it asks when it is not", () =>
    Effect.gen(function* () {
      const fixture = makeFixture({ length: 1_000, pieceLength: 16_384 });
      const network = yield* Network.make();
      const client = yield* makeClient({ network, address: "10.0.0.1", dht: makeSpy([]).layer });
      const ended = yield* Effect.forkChild(Effect.flip(client.run(magnetOf(fixture, { noDht: true }))));
      yield* TestClock.adjust("1 second");
      assert.include(String(yield* Fiber.join(ended)), "there is no tracker and no peer to ask");
      const run = yield* watch(client, magnetOf(fixture));
      yield* TestClock.adjust("3 seconds");
      const last = run.events.findLast((event) => event.type === "progress");
      assert.strictEqual(last?.waiting, "no peers known yet: asking the DHT (no node answers yet)");
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("starts after the trackers were asked, and at once where there are none", () =>
    Effect.gen(function* () {
      const fixture = makeFixture({ length: 1_000, pieceLength: 16_384, tracker: TRACKER });
      const network = yield* Network.make();
      const withTracker = makeSpy([]);
      const client = yield* makeClient({ network, address: "10.0.0.1", dht: withTracker.layer });
      yield* watch(client, requestOf(fixture));
      yield* soon;
      yield* TestClock.adjust("850 millis");
      assert.strictEqual(withTracker.searched.length, 0);
      yield* TestClock.adjust("100 millis");
      yield* soon;
      assert.strictEqual(withTracker.searched.length, 1);
      const alone = makeSpy([]);
      const other = yield* makeClient({ network, address: "10.0.0.2", dht: alone.layer });
      yield* watch(other, requestOf(fixture, { noTrackers: true }));
      yield* soon;
      assert.strictEqual(alone.searched.length, 1);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("leaves a torrent alone that is known to be private", () =>
    Effect.gen(function* () {
      const fixture = makeFixture({ length: 50_000, pieceLength: 16_384, tracker: TRACKER, private: true });
      const network = yield* Network.make();
      const seedSpy = makeSpy([]);
      const spy = makeSpy(["10.0.0.66:1"]);
      yield* makeSeed(fixture, { network, address: "10.0.0.1", dht: seedSpy.layer });
      const client = yield* makeClient({ network, address: "10.0.0.2", dht: spy.layer });
      const run = yield* watch(client, requestOf(fixture));
      yield* TestClock.adjust("30 seconds");
      assert.isTrue(run.isComplete());
      assert.deepStrictEqual([...spy.searched, ...seedSpy.searched], []);
      assert.deepStrictEqual([...spy.told, ...seedSpy.told], []);
      assert.deepStrictEqual(run.peer("10.0.0.66"), []);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("stops when the metadata of a magnet says private, and forgets what was found", () =>
    Effect.gen(function* () {
      const fixture = makeFixture({ length: 5_000_000, pieceLength: 65_536, private: true });
      const network = yield* Network.make({ latency: "10 millis", bytesPerSecond: 100_000 });
      const spy = makeSpy(["10.0.0.1:6881", "10.0.0.66:1"]);
      yield* makeSeed(fixture, { network, address: "10.0.0.1", dht: makeSpy([]).layer });
      yield* TestClock.adjust("1 second");
      const client = yield* makeClient({ network, address: "10.0.0.2", dht: spy.layer });
      const run = yield* watch(client, magnetOf(fixture));
      yield* soon;
      assert.strictEqual(spy.searching(), 1);
      assert.isUndefined(spy.announcement());
      yield* TestClock.adjust("2 minutes");
      assert.isTrue(run.events.some(({ type }) => type === "metadata"));
      assert.strictEqual(spy.searching(), 0);
      const known = run.events.findLast((event) => event.type === "progress")?.known;
      assert.strictEqual(known, 1);
      assert.deepStrictEqual(spy.announced, []);
      assert.isUndefined(spy.announcement());
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("announces a magnet once its metadata says that it is public, and a torrent after each lookup", () =>
    Effect.gen(function* () {
      const fixture = makeFixture({ length: 500_000, pieceLength: 65_536 });
      const network = yield* Network.make({ latency: "10 millis", bytesPerSecond: 10_000 });
      const seedSpy = makeSpy([]);
      const spy = makeSpy(["10.0.0.1:6881"]);
      yield* makeSeed(fixture, { network, address: "10.0.0.1", dht: seedSpy.layer });
      yield* soon;
      assert.deepStrictEqual(seedSpy.announcement(), { port: 6881, seed: true });
      assert.deepStrictEqual(seedSpy.announced, []);
      const client = yield* makeClient({ network, address: "10.0.0.2", dht: spy.layer });
      yield* watch(client, magnetOf(fixture, { port: 7_000 }));
      yield* soon;
      assert.deepStrictEqual(spy.announced, []);
      yield* TestClock.adjust("20 seconds");
      assert.deepStrictEqual(spy.announced, [{ port: 7_000, seed: false }]);
      assert.deepStrictEqual(spy.announcement(), { port: 7_000, seed: false });
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("tells peers of its node and hears of theirs, where both have one", () =>
    Effect.gen(function* () {
      const fixture = makeFixture({ length: 50_000, pieceLength: 16_384, tracker: TRACKER });
      const network = yield* Network.make();
      const seedSpy = makeSpy([]);
      const spy = makeSpy([]);
      yield* makeSeed(fixture, { network, address: "10.0.0.1", dht: seedSpy.layer });
      yield* TestClock.adjust("1 second");
      const client = yield* makeClient({ network, address: "10.0.0.2", dht: spy.layer });
      yield* watch(client, requestOf(fixture));
      const without = yield* makeClient({ network, address: "10.0.0.3" });
      yield* watch(without, requestOf(fixture));
      yield* TestClock.adjust("30 seconds");
      assert.deepStrictEqual(spy.told, ["10.0.0.1:4000"]);
      assert.deepStrictEqual(seedSpy.told, ["10.0.0.2:4000"]);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});
