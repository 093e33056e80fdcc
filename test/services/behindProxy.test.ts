import { assert, describe, it } from "@effect/vitest";
import { Context, Effect, Fiber, Layer, Stream } from "effect";
import { Dns, NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import type { DownloadEvent } from "../../src/schema/events.ts";
import { Bandwidth } from "../../src/services/Bandwidth.ts";
import { Bans } from "../../src/services/Bans.ts";
import * as BehindProxy from "../../src/services/behindProxy.ts";
import { Choker } from "../../src/services/Choker/Choker.ts";
import { Datagrams } from "../../src/services/Datagrams/Datagrams.ts";
import { Dht } from "../../src/services/Dht/Dht.ts";
import * as MemoryDht from "../../src/services/Dht/memory.ts";
import { Hasher } from "../../src/services/Hasher.ts";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { Picker } from "../../src/services/Picker/Picker.ts";
import * as MemoryResume from "../../src/services/ResumeStore/memory.ts";
import * as SecureRandom from "../../src/services/SecureRandom/seeded.ts";
import * as MemoryStorage from "../../src/services/Storage/memory.ts";
import { MemoryDisk } from "../../src/services/Storage/memory.ts";
import * as LiveTracker from "../../src/services/Tracker/live.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { Transport } from "../../src/services/Transport/Transport.ts";
import * as Utp from "../../src/services/Transport/utp.ts";
import * as MemoryWeb from "../../src/services/WebSeed/memory.ts";
import { download } from "../../src/streams/download.ts";
import type { DownloadRequest } from "../../src/streams/request.ts";
import { DHT_PORT, makeDht } from "../support/dht.ts";
import { makeSniffer } from "../support/sniffer.ts";
import { makeSocksProxy, type SocksOptions } from "../support/socksProxy.ts";
import { makeFixture, makeSeed, requestOf } from "../support/swarm.ts";
import { makeUdpTracker } from "../support/udpTracker.ts";

const CLIENT = "10.0.0.2";
const PROXY = "10.0.0.9";
const SEED = "10.0.0.1";
/** The first port that the network gives out. */
const UTP_PORT = 49_153;
const TRACKER = "udp://tracker.test:6969/announce";
/** Where the tracker is, and whom it names. */
const TRACKED = { address: "10.0.0.7", peer: `${SEED}:${UTP_PORT}` };
const fixture = makeFixture({ length: 400_000, pieceLength: 32_768, tracker: TRACKER });

/** A network with a proxy in it, and a client behind that, all of whose sockets and look-ups are seen. */
const makeWorld = Effect.fnUntraced(function* (change: Partial<SocksOptions> = {}) {
  const network = yield* Network.make({ latency: "10 millis" });
  const proxyHost = yield* Layer.build(network.host(PROXY, { udpPort: 1081 }));
  const proxy = yield* makeSocksProxy({
    transport: Context.get(proxyHost, Transport),
    datagrams: Context.get(proxyHost, Datagrams),
    port: 1080,
    names: { "tracker.test": "10.0.0.7", "router.test": "10.0.0.8" },
    ...change,
  });
  const sniffer = makeSniffer();
  const host = yield* Layer.build(sniffer.layer.pipe(Layer.provide(network.host(CLIENT))));
  const looked: Array<string> = [];
  const dns = Layer.succeed(
    Dns.Dns,
    Dns.make({
      lookup: (name) =>
        Effect.sync(() => {
          looked.push(String(name));
          return [NetAddress.ipFromStringUnsafe(PROXY)];
        }),
    }),
  );
  const routers = [{ host: "router.test", port: DHT_PORT }];
  const behind = BehindProxy.layer(
    { host: "proxy.test", port: 1080 },
    {
      transport: Layer.succeed(Transport, Context.get(host, Transport)),
      datagrams: Layer.succeed(Datagrams, Context.get(host, Datagrams)),
      dns,
    },
    { dht: MemoryDht.layer({ routers }), utp: true },
  );
  const layer = Layer.mergeAll(
    LiveTracker.layer.pipe(Layer.provideMerge(behind)),
    Layer.fresh(MemoryStorage.layer),
    Layer.fresh(MemoryResume.layer),
    Layer.fresh(Bans.layer),
    MemoryWeb.layer,
    Hasher.layer,
    Bandwidth.layer,
    Picker.layer,
    Choker.layer,
    SecureRandom.layer,
  );
  const building = yield* Effect.forkScoped(Layer.build(layer));
  yield* TestClock.adjust("20 seconds");
  const context = yield* Fiber.join(building);
  const events: Array<DownloadEvent> = [];
  const start = (request: Partial<DownloadRequest>) =>
    Stream.runForEach(download(requestOf(fixture, request)), (event) =>
      Effect.sync(() => void events.push(event)),
    ).pipe(Effect.provideContext(context), Effect.forkScoped);
  /** Where anything went that did not go to the proxy. */
  const around = (): ReadonlyArray<string> => [
    ...sniffer.streams.map(({ remote }) => NetAddress.formatInet(remote)).filter((at) => at !== `${PROXY}:1080`),
    ...sniffer.packets.map(({ to }) => NetAddress.formatInet(to)).filter((at) => at !== `${PROXY}:1081`),
    ...looked.filter((name) => name !== "proxy.test").map((name) => `look-up of ${name}`),
  ];
  const isComplete = (): boolean => events.some(({ type }) => type === "complete");
  /** The port of this machine that packets for the relay go out by. */
  const wire = Context.get(host, Datagrams).addresses[0]?.port ?? 0;
  return { network, proxy, sniffer, context, start, events, around, wire, isComplete };
});

/** The seed is reached by uTP alone. */
const byUtp = Layer.fresh(Utp.layer);

describe("behind a SOCKS5 proxy that relays UDP", () => {
  it.effect("trackers by name, uTP and connections go through it, and nothing goes round it", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld();
      const told = yield* makeUdpTracker(world.network, TRACKED);
      yield* makeSeed(
        fixture,
        { network: world.network, address: SEED, transport: byUtp },
        { noTrackers: true, port: 0 },
      );
      const run = yield* world.start({ noDht: true });
      yield* TestClock.adjust("1 minute");
      assert.isTrue(world.isComplete());
      yield* Fiber.join(run);
      assert.deepStrictEqual(told, ["started", "completed", "stopped"]);
      assert.deepStrictEqual(world.around(), []);
      assert.isAbove(world.sniffer.packets.length, 0);
      assert.include(world.proxy.asked, "tracker.test:6969");
      assert.deepStrictEqual(yield* Context.get(world.context, MemoryDisk).get("/d/payload.bin"), fixture.bytes);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("the DHT is joined by the names of its routers, and peers are found in it", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld();
      const { infoHash } = fixture.metainfo.info;
      const router = yield* makeDht(world.network, "10.0.0.8", { routers: [] });
      yield* Effect.forkScoped(router.dht.scrape(infoHash));
      yield* TestClock.adjust("1 second");
      const other = yield* makeDht(world.network, SEED, { routers: [{ host: "10.0.0.8", port: DHT_PORT }] });
      yield* Effect.forkScoped(other.dht.scrape(infoHash));
      yield* TestClock.adjust("10 seconds");
      yield* Effect.forkScoped(other.dht.announce(infoHash, { port: 6881, seed: true }));
      yield* TestClock.adjust("10 seconds");
      const found: Array<string> = [];
      yield* Context.get(world.context, Dht)
        .peers(infoHash)
        .pipe(
          Stream.runForEach((peer) => Effect.sync(() => void found.push(NetAddress.formatInet(peer)))),
          Effect.forkScoped,
        );
      yield* TestClock.adjust("1 minute");
      assert.include(found, `${SEED}:6881`);
      assert.include(world.proxy.asked, `router.test:${DHT_PORT}`);
      assert.deepStrictEqual(world.around(), []);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("nothing is sent while the relay is gone, and it is asked for again", () =>
    Effect.gen(function* () {
      const { around, context, proxy, sniffer } = yield* makeWorld();
      const datagrams = Context.get(context, Datagrams);
      const to = NetAddress.inetAddressFromStringUnsafe("10.0.0.7:6969");
      yield* datagrams.send(to, Uint8Array.of(1));
      assert.deepStrictEqual([proxy.relays(), sniffer.packets.length], [1, 1]);
      yield* proxy.hangUp;
      yield* TestClock.adjust("15 millis");
      const error = yield* Effect.flip(datagrams.send(to, Uint8Array.of(2)));
      datagrams.sendUnsafe(to, Uint8Array.of(3));
      assert.strictEqual(error.code, "datagram.unreachable");
      assert.strictEqual(sniffer.packets.length, 1);
      yield* TestClock.adjust("5 seconds");
      yield* datagrams.send(to, Uint8Array.of(4));
      assert.deepStrictEqual([proxy.relays(), sniffer.packets.length], [2, 2]);
      assert.deepStrictEqual(
        sniffer.streams.map(({ isOpen }) => isOpen()),
        [false, true],
      );
      assert.deepStrictEqual(around(), []);
    }),
  );

  it.effect("that the relay is gone is warned of once for each time, and the first reason why nothing comes", () =>
    Effect.gen(function* () {
      const { events, proxy, start } = yield* makeWorld();
      yield* start({ noDht: true });
      const warnings = () =>
        events.flatMap((event) =>
          event.type === "warning" && event.code === "proxy.relay-lost" ? [event.message] : [],
        );
      const firstCause = () =>
        events.flatMap((event) => (event.type === "explain" ? [event.causes[0]?.code] : [])).at(-1);
      yield* TestClock.adjust("1 minute");
      assert.deepStrictEqual([warnings(), firstCause()], [[], "trackers-failing"]);
      proxy.relaying(false);
      yield* proxy.hangUp;
      yield* TestClock.adjust("1 minute");
      assert.strictEqual(warnings().length, 1);
      assert.match(warnings()[0] ?? "", /^the proxy proxy\.test:1080 relays no UDP any more; .*the proxy: .+/);
      assert.strictEqual(firstCause(), "relay-lost");
      proxy.relaying(true);
      yield* TestClock.adjust("2 minutes");
      assert.strictEqual(proxy.relays(), 2);
      assert.strictEqual(firstCause(), "trackers-failing");
      proxy.relaying(false);
      yield* proxy.hangUp;
      yield* TestClock.adjust("2 minutes");
      assert.strictEqual(warnings().length, 2);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("peers by uTP are parted from when the relay is lost, for the next one has another address", () =>
    Effect.gen(function* () {
      const { events, isComplete, network, proxy, start } = yield* makeWorld();
      yield* makeUdpTracker(network, TRACKED);
      yield* network.link(PROXY, SEED, { bytesPerSecond: 20_000 });
      yield* makeSeed(fixture, { network, address: SEED, transport: byUtp }, { noTrackers: true, port: 0 });
      yield* start({ noDht: true });
      const states = () => events.flatMap((event) => (event.type === "peer" ? [event.state] : []));
      yield* TestClock.adjust("5 seconds");
      assert.deepStrictEqual([states(), isComplete()], [["connected"], false]);
      yield* proxy.hangUp;
      yield* TestClock.adjust("1 second");
      assert.deepStrictEqual(states(), ["connected", "disconnected"]);
      yield* TestClock.adjust("1 minute");
      assert.isTrue(isComplete());
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("packets that do not come from the relay are nobody's", () =>
    Effect.gen(function* () {
      const { context, network, wire } = yield* makeWorld();
      const heard: Array<string> = [];
      yield* Context.get(context, Datagrams).receive((bytes, from) => {
        heard.push(`${NetAddress.formatInet(from)} ${bytes.join()}`);
        return true;
      });
      const stranger = Context.get(yield* Layer.build(network.host("10.0.0.66", { udpPort: 5 })), Datagrams);
      const forged = Uint8Array.of(0, 0, 0, 1, 10, 0, 0, 66, 0, 5, 7);
      yield* stranger.send(NetAddress.inetAddressFromStringUnsafe(`${CLIENT}:${wire}`), forged);
      yield* TestClock.adjust("1 second");
      assert.deepStrictEqual(heard, []);
      const relay = NetAddress.inetAddressFromStringUnsafe(`${PROXY}:1081`);
      yield* Context.get(context, Datagrams).send(NetAddress.inetAddressFromStringUnsafe("10.0.0.66:5"), forged);
      yield* TestClock.adjust("1 second");
      yield* stranger.send(relay, Uint8Array.of(7, 8));
      yield* TestClock.adjust("1 second");
      assert.deepStrictEqual(heard, ["10.0.0.66:5 7,8"]);
    }),
  );
});

describe("behind a SOCKS5 proxy without UDP", () => {
  const cases: ReadonlyArray<readonly [string, Partial<SocksOptions>]> = [
    ["it refuses", { noUdp: true }],
    ["names a relay without a port", { told: "0.0.0.0:0" }],
    ["names a multicast group as its relay", { told: "239.1.2.3:1081" }],
  ];
  for (const [what, change] of cases)
    it.effect(`that is said once where it ${what.replace("it ", "")}, and connections go through it all the same`, () =>
      Effect.gen(function* () {
        const world = yield* makeWorld(change);
        yield* makeUdpTracker(world.network, TRACKED);
        yield* makeSeed(fixture, { network: world.network, address: SEED }, { noTrackers: true });
        yield* world.start({ peers: [{ host: SEED, port: 6881 }] });
        yield* TestClock.adjust("1 minute");
        assert.isTrue(world.isComplete());
        const said = world.events.flatMap((event) => (event.type === "warning" ? [event.message] : []));
        assert.lengthOf(said, 2);
        assert.match(said[0] ?? "", /^peers cannot reach us, only be dialled: a proxy passes no connection on to us; /);
        assert.match(
          said[1] ?? "",
          /^UDP trackers, the DHT and uTP are off: proxy\.test:1080: the proxy.+; a proxy that relays UDP is needed for them$/,
        );
        assert.deepStrictEqual(world.sniffer.packets, []);
        assert.deepStrictEqual(world.around(), []);
      }).pipe(Effect.provide(MemoryTrackers.layer)),
    );
});
