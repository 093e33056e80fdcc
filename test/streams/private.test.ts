import { assert, describe, it } from "@effect/vitest";
import { Context, Effect, Fiber, Layer, Result, Stream } from "effect";
import { NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import { decodeExtensionHandshake, encodeExtensionHandshake } from "../../src/schema/extension.ts";
import { decodeHandshake, HANDSHAKE_LENGTH } from "../../src/schema/handshake.ts";
import { encodeLsd, LSD_GROUPS } from "../../src/schema/lsd.ts";
import { encodeUtHolepunch } from "../../src/schema/utHolepunch.ts";
import { isUtp } from "../../src/schema/utp.ts";
import { encodeUtPex } from "../../src/schema/utPex.ts";
import { makeDecoder } from "../../src/schema/wireDecoder.ts";
import type { Message } from "../../src/schema/message.ts";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { Multicast } from "../../src/services/Multicast/Multicast.ts";
import { makeKeeping } from "../../src/services/PortMapping/keeping.ts";
import { PortMapping } from "../../src/services/PortMapping/PortMapping.ts";
import * as SecureRandom from "../../src/services/SecureRandom/seeded.ts";
import * as Dual from "../../src/services/Transport/dual.ts";
import { Transport } from "../../src/services/Transport/Transport.ts";
import * as Utp from "../../src/services/Transport/utp.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { HOLEPUNCH_ID } from "../../src/streams/holepunch.ts";
import type { DownloadRequest } from "../../src/streams/request.ts";
import { dhtOnly, DHT_PORT, makeDht } from "../support/dht.ts";
import { makeGateway } from "../support/gateway.ts";
import { makeFakePeer } from "../support/fakePeer.ts";
import { makeSniffer, type Sniffer } from "../support/sniffer.ts";
import { type Fixture, makeClient, makeFixture, makeSeed, requestOf, TRACKER, watch } from "../support/swarm.ts";
import { makeTreeFixture } from "../support/trees.ts";
import { changeTracker } from "../../src/streams/seclusion.ts";
import type { HostPort } from "../../src/schema/hostPort.ts";

const secret = makeFixture({ length: 500_000, pieceLength: 32_768, tracker: TRACKER, private: true });
const open = makeFixture({ length: 500_000, pieceLength: 32_768, tracker: TRACKER });

/** The fixture as a magnet link with its tracker. */
const magnetOf = (
  fixture: Fixture,
  change: Partial<DownloadRequest> = {},
  peers: ReadonlyArray<HostPort> = [],
): DownloadRequest => {
  const { infoHash } = fixture.metainfo.info;
  const magnet = { infoHash, infoHashV1: infoHash.hex, trackers: [TRACKER], webSeeds: [], peers, nodes: [] };
  return { ...requestOf(fixture, change), source: { _tag: "Magnet", magnet } };
};

/** The messages of a connection, after its handshake. */
const messagesOf = (bytes: Uint8Array): ReadonlyArray<Message> => {
  const messages: Array<Message> = [];
  makeDecoder({
    blocks: { begin: (_index, _begin, length) => new Uint8Array(length), end: () => true },
    maxBitfield: 1 << 20,
    maxExtended: 1 << 20,
  })(bytes.slice(HANDSHAKE_LENGTH), messages);
  return messages;
};

/** By these ids the peers of these tests take PEX and holepunch. */
const THEIR_PEX_ID = 9;
const THEIR_HOLEPUNCH_ID = 11;

/** Whom the tracker names, and the router: what goes to others is a leak whatever it says. */
const SEED = "10.0.0.1";
const GOSSIP = "10.0.0.5";
const ROUTER = "10.0.0.99";
/** Where a relay sends us to. */
const HOLE = "203.0.113.66";

/** What a client said that leads to other peers of a torrent, and to whom it spoke. */
const leaks = ({ packets, streams }: Sniffer, fixture: Fixture): ReadonlyArray<string> => {
  const { infoHash } = fixture.metainfo.info;
  const isInvited = ({ address }: NetAddress.InetAddress): boolean =>
    [SEED, GOSSIP].includes(NetAddress.formatIp(address));
  return [
    ...packets.flatMap(({ bytes, kind, to }) => {
      // what is said by uTP to those who may be told is looked at below
      if (isUtp(bytes)) return isInvited(to) ? [] : ["uTP to strangers"];
      if (kind === "unicast" && NetAddress.formatIp(to.address) === ROUTER) return [];
      const text = Buffer.from(bytes);
      const named = text.includes(infoHash.bytes) || text.toString("latin1").toLowerCase().includes(infoHash.hex);
      return [`${kind} packet${named ? "" : ", of another kind"}`];
    }),
    ...streams.flatMap(({ bytes, remote }) => {
      const sent = bytes();
      const strange = isInvited(remote) ? [] : ["connection to strangers"];
      if (sent.length < HANDSHAKE_LENGTH) return strange;
      const dht = Result.getOrThrow(decodeHandshake(sent.subarray(0, HANDSHAKE_LENGTH))).dht ? ["dht bit"] : [];
      return [...strange, ...dht].concat(
        messagesOf(sent).flatMap((message) => {
          if (message._tag === "Port") return ["port message"];
          if (message._tag !== "Extended") return [];
          if (message.id === THEIR_PEX_ID) return ["pex message"];
          if (message.id === THEIR_HOLEPUNCH_ID) return ["holepunch message"];
          if (message.id !== 0) return [];
          const { messages } = Result.getOrThrow(decodeExtensionHandshake(message.payload));
          return (["pex", "holepunch"] as const)
            .filter((name) => (messages.get(`ut_${name}`) ?? 0) > 0)
            .map((name) => `${name} offer`);
        }),
      );
    }),
  ];
};

/**
 * A swarm in which everything leads to a trap: a gossip whom the tracker names tells of it by PEX and of another by holepunch, a neighbour by LSD, a DHT
 * knows it, and so does an earlier run. Gives a client with everything on whose every socket is sniffed, and what became of the trap.
 */
const makeWorld = (fixture: Fixture) =>
  Effect.gen(function* () {
    const network = yield* Network.make({ latency: "10 millis" });
    const { infoHash } = fixture.metainfo.info;
    const trap = yield* makeFakePeer({ network, address: "10.0.0.66", fixture });
    const node = yield* makeDht(network, "10.0.0.67", { routers: [] });
    const other = yield* makeDht(network, "10.0.0.68", { routers: [{ host: "10.0.0.67", port: DHT_PORT }] });
    for (const { dht } of [other, node]) yield* Effect.forkScoped(dht.announce(infoHash, { port: 6881, seed: true }));
    yield* TestClock.adjust("10 seconds");
    const at = NetAddress.inetAddressFromStringUnsafe;
    const payload = encodeUtPex({ added: [{ address: at("10.0.0.66:6881"), flags: 0 }], dropped: [] });
    const gossip = yield* makeFakePeer({
      network,
      address: GOSSIP,
      fixture,
      extension: true,
      dht: true,
      greet: (talk) => {
        const messages = new Map([
          ["ut_pex", THEIR_PEX_ID],
          ["ut_holepunch", THEIR_HOLEPUNCH_ID],
        ]);
        talk.say(
          { _tag: "Extended", id: 0, payload: encodeExtensionHandshake({ messages, port: 6881 }) },
          { _tag: "Extended", id: 2, payload },
          {
            _tag: "Extended",
            id: HOLEPUNCH_ID,
            payload: encodeUtHolepunch({ _tag: "Connect", address: at(`${HOLE}:6881`) }),
          },
          {
            _tag: "Extended",
            id: HOLEPUNCH_ID,
            payload: encodeUtHolepunch({ _tag: "Rendezvous", address: at("10.0.0.66:6881") }),
          },
          { _tag: "Port", port: DHT_PORT },
        );
      },
    });
    yield* MemoryTrackers.use((trackers) => trackers.add(TRACKER, infoHash, at(`${GOSSIP}:6881`)));
    const groups = Context.get(yield* Layer.build(network.host("10.0.0.69")), Multicast);
    const ways = yield* groups.join(LSD_GROUPS, () => {});
    const gossipNearby = Effect.forEach(ways, ({ group, send }) =>
      send(encodeLsd(group, { port: 6881, infoHashes: [infoHash.hex] })),
    );
    const gateway = yield* makeGateway(network, { protocol: "PCP", at: ROUTER });
    // near, so that the mapping is gone at once in the end, when no time passes any more
    yield* network.link(ROUTER, "10.0.0.2", { latency: 0 });
    const sniffer = makeSniffer();
    // It takes a while, so that there is something to tell of.
    for (const seed of [SEED, "10.0.0.66"])
      yield* network.link(seed, "10.0.0.2", { latency: "10 millis", bytesPerSecond: 20_000 });
    const utp = Layer.unwrap(
      Effect.map(Transport, (streams) => Dual.layer(Layer.succeed(Transport, streams), Layer.fresh(Utp.layer))),
    ).pipe(Layer.fresh);
    const client = yield* makeClient({
      network,
      address: "10.0.0.2",
      lsd: true,
      dht: dhtOnly({ routers: [{ host: "10.0.0.67", port: DHT_PORT }] }),
      transport: sniffer.connections.pipe(Layer.provideMerge(utp)),
      mapping: PortMapping.layerOver(makeKeeping(gateway.surroundings)).pipe(Layer.provide(SecureRandom.layer)),
      sniffer,
    });
    return { network, client, sniffer, trap, gossip, gossipNearby };
  });

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

describe("a private torrent whose tracker is changed (BEP 27)", () => {
  it.effect("parts from the peers of the former tracker, but not from those whom the new one names too", () =>
    Effect.sync(() => {
      const parted: Array<string> = [];
      const member = (address: string) => ({ address, part: () => void parted.push(address) });
      // Only what `changeTracker` looks at.
      const swarm = { members: new Set(["10.0.0.1:1", "10.0.0.2:2", "10.0.0.3:3"].map(member)) } as never;
      const forgotten: Array<string> = [];
      changeTracker(
        swarm,
        {
          forget: (source) => {
            forgotten.push(source);
            return ["10.0.0.1:1", "10.0.0.2:2"];
          },
        },
        new Set(["10.0.0.2:2"]),
      );
      assert.deepStrictEqual(forgotten, ["tracker"]);
      assert.deepStrictEqual(parted, ["10.0.0.1:1"]);
    }),
  );
});
