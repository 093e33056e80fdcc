/** A swarm in which everything leads to a trap, for the tests of private torrents; and what a client said there that leads to other peers. */
import { Context, Effect, Layer, Result } from "effect";
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
import { dhtOnly, DHT_PORT, makeDht } from "./dht.ts";
import { makeGateway } from "./gateway.ts";
import { makeFakePeer } from "./fakePeer.ts";
import { makeSniffer, type Sniffer } from "./sniffer.ts";
import { type Fixture, makeClient, makeFixture, requestOf, TRACKER } from "./swarm.ts";
import type { HostPort } from "../../src/schema/hostPort.ts";

/** A private torrent. */
export const secret = makeFixture({ length: 500_000, pieceLength: 32_768, tracker: TRACKER, private: true });
/** One of the same size that is not private. */
export const open = makeFixture({ length: 500_000, pieceLength: 32_768, tracker: TRACKER });

/** The fixture as a magnet link with its tracker. */
export const magnetOf = (
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

/** A seed whom the tracker names, as it does the gossip; what goes to others than them and the router is a leak whatever it says. */
export const SEED = "10.0.0.1";
const GOSSIP = "10.0.0.5";
const ROUTER = "10.0.0.99";
/** Where a relay sends us to. */
const HOLE = "203.0.113.66";

/** What a client said that leads to other peers of a torrent, and to whom it spoke. */
export const leaks = ({ packets, streams }: Sniffer, fixture: Fixture): ReadonlyArray<string> => {
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
export const makeWorld = (fixture: Fixture) =>
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
