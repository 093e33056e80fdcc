import { assert, describe, it } from "@effect/vitest";
import { Context, Effect, Layer, Result } from "effect";
import { NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import { decodeExtensionHandshake, encodeExtensionHandshake } from "../../src/schema/extension.ts";
import { decodeHandshake, HANDSHAKE_LENGTH } from "../../src/schema/handshake.ts";
import { encodeLsd, LSD_GROUPS } from "../../src/schema/lsd.ts";
import { encodeUtPex } from "../../src/schema/utPex.ts";
import { makeDecoder, type Message } from "../../src/schema/wire.ts";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { Multicast } from "../../src/services/Multicast/Multicast.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import type { DownloadRequest } from "../../src/streams/request.ts";
import { dhtOnly, DHT_PORT, makeDht } from "../support/dht.ts";
import { makeFakePeer } from "../support/fakePeer.ts";
import { makeSniffer, type Sniffer } from "../support/sniffer.ts";
import { type Fixture, makeClient, makeFixture, makeSeed, requestOf, TRACKER, watch } from "../support/swarm.ts";
import { changeTracker } from "../../src/streams/seclusion.ts";

const secret = makeFixture({ length: 500_000, pieceLength: 32_768, tracker: TRACKER, private: true });
const open = makeFixture({ length: 500_000, pieceLength: 32_768, tracker: TRACKER });

/** The fixture as a magnet link with its tracker. */
const magnetOf = (fixture: Fixture, change: Partial<DownloadRequest> = {}): DownloadRequest => {
  const { infoHash } = fixture.metainfo.info;
  const magnet = { infoHash, infoHashV1: infoHash.hex, trackers: [TRACKER], webSeeds: [], peers: [], nodes: [] };
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

/** What a client said that leads to other peers of a torrent. */
const leaks = ({ packets, streams }: Sniffer, fixture: Fixture): ReadonlyArray<string> => {
  const { infoHash } = fixture.metainfo.info;
  return [
    ...packets.flatMap(({ bytes, kind }) => {
      const text = Buffer.from(bytes);
      const named = text.includes(infoHash.bytes) || text.toString("latin1").toLowerCase().includes(infoHash.hex);
      return named ? [`${kind} packet`] : [];
    }),
    ...streams.flatMap(({ bytes }) => {
      const sent = bytes();
      if (sent.length < HANDSHAKE_LENGTH) return [];
      const dht = Result.getOrThrow(decodeHandshake(sent.subarray(0, HANDSHAKE_LENGTH))).dht ? ["dht bit"] : [];
      return dht.concat(
        messagesOf(sent).flatMap((message) => {
          if (message._tag === "Port") return ["port message"];
          // 9 is the id by which the peers of these tests take PEX.
          if (message._tag !== "Extended") return [];
          if (message.id === 9) return ["pex message"];
          if (message.id !== 0) return [];
          const { messages } = Result.getOrThrow(decodeExtensionHandshake(message.payload));
          return (messages.get("ut_pex") ?? 0) > 0 ? ["pex offer"] : [];
        }),
      );
    }),
  ];
};

/**
 * A swarm in which everything leads to a trap: a gossip whom the tracker names tells of it by PEX, a neighbour by LSD, and a DHT knows it. Gives a client
 * in it that is sniffed, and what became of the trap.
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
    const payload = encodeUtPex({
      added: [{ address: NetAddress.inetAddressFromStringUnsafe("10.0.0.66:6881"), flags: 0 }],
      dropped: [],
    });
    const gossip = yield* makeFakePeer({
      network,
      address: "10.0.0.5",
      fixture,
      extension: true,
      dht: true,
      greet: (talk) => {
        const greeting = encodeExtensionHandshake({ messages: new Map([["ut_pex", 9]]), port: 6881 });
        talk.say(
          { _tag: "Extended", id: 0, payload: greeting },
          { _tag: "Extended", id: 2, payload },
          { _tag: "Port", port: DHT_PORT },
        );
      },
    });
    yield* MemoryTrackers.use((trackers) =>
      trackers.add(TRACKER, infoHash, NetAddress.inetAddressFromStringUnsafe("10.0.0.5:6881")),
    );
    const groups = Context.get(yield* Layer.build(network.host("10.0.0.69")), Multicast);
    const ways = yield* groups.join(LSD_GROUPS, () => {});
    const gossipNearby = Effect.forEach(ways, ({ group, send }) =>
      send(encodeLsd(group, { port: 6881, infoHashes: [infoHash.hex] })),
    );
    const sniffer = makeSniffer();
    // It takes a while, so that there is something to tell of.
    for (const seed of ["10.0.0.1", "10.0.0.66"])
      yield* network.link(seed, "10.0.0.2", { latency: "10 millis", bytesPerSecond: 20_000 });
    const client = yield* makeClient({
      network,
      address: "10.0.0.2",
      lsd: true,
      dht: dhtOnly({ routers: [{ host: "10.0.0.67", port: DHT_PORT }] }),
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
      yield* makeSeed(secret, { network, address: "10.0.0.1" });
      yield* TestClock.adjust("1 second");
      const run = yield* watch(client, requestOf(secret, request));
      for (let minute = 0; minute < 5; minute++) {
        yield* gossipNearby;
        yield* TestClock.adjust("1 minute");
      }
      assert.isTrue(run.isComplete());
      assert.isAbove(gossip.accepted(), 0);
      assert.deepStrictEqual(leaks(sniffer, secret), []);
      assert.deepStrictEqual(sniffer.packets, []);
      assert.strictEqual(trap.accepted(), 0);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("would have been, were it not private: the tests look in the right places", () =>
    Effect.gen(function* () {
      const { client, network, sniffer, trap } = yield* makeWorld(open);
      yield* makeSeed(open, { network, address: "10.0.0.1" });
      yield* TestClock.adjust("1 second");
      const run = yield* watch(client, requestOf(open, request));
      yield* TestClock.adjust("5 minutes");
      assert.isTrue(run.isComplete());
      const found = new Set(leaks(sniffer, open));
      assert.deepStrictEqual(
        [...found].toSorted(),
        ["dht bit", "multicast packet", "pex message", "pex offer", "port message", "unicast packet"].toSorted(),
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
      const before = leaks(sniffer, secret).length;
      const dials = [trap.accepted(), run.peer("10.0.0.69").length];
      assert.isAbove(run.peer("10.0.0.69").length, 0);
      for (let minute = 0; minute < 20; minute++) {
        yield* gossipNearby;
        yield* TestClock.adjust("1 minute");
      }
      assert.deepStrictEqual(leaks(sniffer, secret).slice(before), []);
      assert.deepStrictEqual([trap.accepted(), run.peer("10.0.0.69").length], dials);
      assert.strictEqual(run.peer("10.0.0.66").at(-1), "peer.uninvited");
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
