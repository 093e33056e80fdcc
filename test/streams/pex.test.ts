import { assert, describe, it } from "@effect/vitest";
import { Effect, Result } from "effect";
import { NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import { decodeExtensionHandshake, encodeExtensionHandshake } from "../../src/schema/extension.ts";
import { decodeUtPex, encodeUtPex, PexFlag, type PexPeer } from "../../src/schema/utPex.ts";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import type { Candidate } from "../../src/streams/addressBook.ts";
import { makePeerExchange, makePex } from "../../src/streams/pex.ts";
import { type FakeOptions, type FakeTalk, makeFakePeer } from "../support/fakePeer.ts";
import { makeClient, makeFixture, makeSeed, requestOf, watch } from "../support/swarm.ts";

const at = NetAddress.inetAddressFromStringUnsafe;
const show = ({ address }: { readonly address: NetAddress.InetAddress }): string => NetAddress.formatInet(address);
const MINUTE = 60_000;

/** The exchange with one peer, who else is connected, and what it made known to us. */
const pexWith = (
  remote: string,
  options: { direction?: "incoming" | "outgoing"; isPrivate?: boolean | undefined; wanted?: boolean } = {},
) => {
  const connected: Array<PexPeer> = [];
  const found: Array<Candidate> = [];
  const exchange = makePeerExchange({
    wanted: options.wanted ?? true,
    isPrivate: "isPrivate" in options ? options.isPrivate : false,
    found: (candidate) => found.push(candidate),
  });
  const pex = makePex({
    connection: { remote: at(remote), direction: options.direction ?? "outgoing", kind: "tcp" },
    connectedAt: 0,
    exchange,
    isSeed: () => false,
    connected: () => connected,
  });
  return {
    ...pex,
    exchange,
    connected,
    found,
    join: (...addresses: ReadonlyArray<string>) =>
      connected.push(...addresses.map((address) => ({ address: at(address), flags: 0 }))),
    hears: (now: number, ...addresses: ReadonlyArray<string>) =>
      pex.received(
        encodeUtPex({ added: addresses.map((address) => ({ address: at(address), flags: 0 })), dropped: [] }),
        now,
      ),
    /** What is told now. */
    says: (now: number) => {
      const payload = pex.due(now);
      if (payload === undefined) return undefined;
      const { added, dropped } = Result.getOrThrow(decodeUtPex(payload));
      return { added: added.map(show), dropped: dropped.map(NetAddress.formatInet) };
    },
  };
};

const manyFrom = (count: number, first = 1): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, index) => `8.${first}.${index >> 8}.${index & 255}:6881`);

describe("what a peer is told", () => {
  it("is who is connected but itself, and then what has changed, once a minute", () => {
    const pex = pexWith("192.0.2.1:1");
    pex.join("192.0.2.1:1", "192.0.2.2:2", "192.0.2.3:3");
    assert.isUndefined(pex.says(0));
    assert.deepStrictEqual(pex.says(2_000), { added: ["192.0.2.2:2", "192.0.2.3:3"], dropped: [] });
    pex.connected.pop();
    pex.join("192.0.2.4:4");
    assert.isUndefined(pex.says(61_999));
    assert.deepStrictEqual(pex.says(62_000), { added: ["192.0.2.4:4"], dropped: ["192.0.2.3:3"] });
    assert.isUndefined(pex.says(200_000));
    pex.connected.length = 0;
    assert.deepStrictEqual(pex.says(300_000), { added: [], dropped: ["192.0.2.2:2", "192.0.2.4:4"] });
  });

  it("is at most 50 that came and 50 that left, the others a minute later", () => {
    const pex = pexWith("8.8.8.8:1");
    pex.join(...manyFrom(120));
    const counts = (now: number) => {
      const said = pex.says(now);
      return [said?.added.length, said?.dropped.length];
    };
    assert.deepStrictEqual(
      [2, 62, 122].map((second) => counts(second * 1_000)),
      [
        [50, 0],
        [50, 0],
        [20, 0],
      ],
    );
    pex.connected.length = 0;
    assert.deepStrictEqual(
      [182, 242, 302].map((second) => counts(second * 1_000)),
      [
        [0, 50],
        [0, 50],
        [0, 20],
      ],
    );
  });

  it("is no private address where its own is public", () => {
    const everywhere = ["127.0.0.1:1", "10.0.0.1:1", "8.8.8.8:1", "[fd00::1]:1", "[2001:db8::1]:1"];
    const told = (remote: string) => {
      const pex = pexWith(remote);
      pex.join(...everywhere);
      return pex.says(MINUTE)?.added.toSorted();
    };
    assert.deepStrictEqual(told("9.9.9.9:1"), ["8.8.8.8:1", "[2001:db8::1]:1"]);
    assert.deepStrictEqual(told("10.0.0.9:1"), ["10.0.0.1:1", "8.8.8.8:1", "[2001:db8::1]:1", "[fd00::1]:1"]);
    assert.deepStrictEqual(told("127.0.0.1:9"), everywhere.toSorted());
  });

  it("is nothing of a private torrent, of one that may be private, or where nobody wants it", () => {
    for (const options of [{ isPrivate: true }, { isPrivate: undefined }, { wanted: false }]) {
      const pex = pexWith("192.0.2.1:1", options);
      pex.join("192.0.2.2:2");
      assert.isUndefined(pex.says(MINUTE));
    }
    const pex = pexWith("192.0.2.1:1", { isPrivate: undefined });
    pex.join("192.0.2.2:2");
    pex.exchange.learned(false);
    assert.deepStrictEqual(pex.says(MINUTE)?.added, ["192.0.2.2:2"]);
  });
});

describe("what others are told of a peer", () => {
  const greeting = { messages: new Map([["ut_holepunch", 4]]), port: 7_000, encryption: true, uploadOnly: true };

  it("is where it was dialled, or else where it says that it listens", () => {
    const dialled = pexWith("192.0.2.1:1");
    assert.deepStrictEqual(dialled.contact(), { address: at("192.0.2.1:1"), flags: PexFlag.reachable });
    dialled.greeted(greeting);
    assert.strictEqual(NetAddress.formatInet(dialled.contact()?.address ?? at("0.0.0.0:0")), "192.0.2.1:1");
    const came = pexWith("192.0.2.1:1", { direction: "incoming" });
    assert.isUndefined(came.contact());
    came.greeted(greeting);
    assert.deepStrictEqual(came.contact(), {
      address: at("192.0.2.1:7000"),
      flags: PexFlag.prefersEncryption | PexFlag.seed | PexFlag.holepunch,
    });
  });
});

describe("what a peer tells", () => {
  it("is taken with its flags and with the peer as relay", () => {
    const pex = pexWith("192.0.2.1:1");
    pex.received(encodeUtPex({ added: [{ address: at("192.0.2.2:2"), flags: 0x08 }], dropped: [] }), 0);
    assert.deepStrictEqual(pex.found, [
      { address: at("192.0.2.2:2"), source: "pex", pex: { flags: PexFlag.holepunch, relay: at("192.0.2.1:1") } },
    ]);
  });

  it("is not believed on ports of 0, private addresses from afar, and many ports of one public address", () => {
    const pex = pexWith("9.9.9.9:1");
    pex.hears(0, "8.8.8.8:0", "10.0.0.1:1", "127.0.0.1:1", "8.8.8.8:1", "8.8.8.8:2", "8.8.4.4:1", "[fd00::1]:1");
    assert.deepStrictEqual(pex.found.map(show), ["8.8.8.8:1", "8.8.4.4:1"]);
    const near = pexWith("10.0.0.9:1");
    near.hears(0, "10.0.0.1:1", "10.0.0.1:2", "127.0.0.1:1");
    assert.deepStrictEqual(near.found.map(show), ["10.0.0.1:1", "10.0.0.1:2"]);
  });

  it("is ignored when it comes too often, and ends the conversation when it never stops", () => {
    const pex = pexWith("9.9.9.9:1");
    for (let second = 0; second < 6; second++)
      assert.isUndefined(pex.hears(second * 1_000, ...manyFrom(3, second + 1)));
    assert.strictEqual(pex.found.length, 3);
    assert.deepStrictEqual(pex.hears(6_000), { _tag: "Flood", message: "ut_pex" });
    const patient = pexWith("9.9.9.9:1");
    for (let minute = 0; minute < 60; minute++) assert.isUndefined(patient.hears(minute * MINUTE, "8.8.8.8:1"));
    assert.strictEqual(patient.found.length, 1);
  });

  it("is bounded in all, however patient the liar", () => {
    const pex = pexWith("9.9.9.9:1");
    for (let minute = 0; minute < 100; minute++)
      assert.isUndefined(pex.hears(minute * MINUTE, ...manyFrom(100, minute)));
    assert.strictEqual(pex.found.length, 300);
  });

  it("ends the conversation when it makes no sense, and is not looked at for a private torrent", () => {
    const garbage = new Uint8Array(9);
    assert.strictEqual(pexWith("9.9.9.9:1").received(garbage, 0)?._tag, "BadExtension");
    const secret = pexWith("9.9.9.9:1", { isPrivate: true });
    assert.isUndefined(secret.received(garbage, 0));
    assert.isUndefined(secret.hears(0, "8.8.8.8:1"));
    assert.deepStrictEqual(secret.found, []);
  });
});

const fixture = makeFixture({ length: 1_000_000, pieceLength: 32_768 });
const peersAt = (...hosts: ReadonlyArray<string>) => hosts.map((host) => ({ host, port: 6881 }));

/** A fake peer with the extension protocol that takes PEX by id 9. */
const makeExchanger = (options: Omit<FakeOptions, "extension" | "greet"> & { greet?: (talk: FakeTalk) => void }) =>
  makeFakePeer({
    ...options,
    extension: true,
    greet: (talk) => {
      const payload = encodeExtensionHandshake({ messages: new Map([["ut_pex", 9]]), port: options.port ?? 6881 });
      talk.say({ _tag: "Extended", id: 0, payload });
      options.greet?.(talk);
    },
  });

/** The PEX messages that a fake peer got. */
const toldTo = (talk: FakeTalk | undefined) =>
  (talk?.heard ?? []).flatMap((message) =>
    message._tag === "Extended" && message.id === 9 ? [Result.getOrThrow(decodeUtPex(message.payload))] : [],
  );

/** The id by which the other side of a talk takes PEX, as of its last word on it. */
const pexIdOf = (talk: FakeTalk | undefined): number | undefined => {
  let id: number | undefined;
  for (const message of talk?.heard ?? [])
    if (message._tag === "Extended" && message.id === 0)
      id = Result.getOrThrow(decodeExtensionHandshake(message.payload)).messages.get("ut_pex") ?? id;
  return id;
};

describe("a swarm", () => {
  /** A seed that only the client between knows, and a seeker that only knows that one. */
  const chain = (noPex: boolean) =>
    Effect.gen(function* () {
      const network = yield* Network.make({ latency: "10 millis" });
      yield* makeSeed(fixture, { network, address: "10.0.0.3" });
      const between = yield* makeClient({ network, address: "10.0.0.1" });
      const seeker = yield* makeClient({ network, address: "10.0.0.2" });
      yield* network.link("10.0.0.1", "10.0.0.3", { bytesPerSecond: 1_000 });
      const alone = { noTrackers: true, noDht: true, port: 6881 };
      yield* watch(between, requestOf(fixture, { ...alone, noPex, peers: peersAt("10.0.0.3") }));
      yield* TestClock.adjust("5 seconds");
      const run = yield* watch(seeker, requestOf(fixture, { ...alone, peers: peersAt("10.0.0.1") }));
      yield* TestClock.adjust("90 seconds");
      return run;
    }).pipe(Effect.provide(MemoryTrackers.layer));

  it.effect("finds its last member through the one that knows both", () =>
    Effect.gen(function* () {
      const run = yield* chain(false);
      assert.isTrue(run.isComplete());
      assert.include(run.peer("10.0.0.3"), "connected");
    }),
  );

  it.effect("does not where that one has no part in it", () =>
    Effect.gen(function* () {
      const run = yield* chain(true);
      assert.isFalse(run.isComplete());
      assert.deepStrictEqual(run.peer("10.0.0.3"), []);
    }),
  );

  it.effect("is told of who came and of who left, and nothing of those who cannot be reached", () =>
    Effect.gen(function* () {
      const network = yield* Network.make({ latency: "10 millis" });
      yield* makeSeed(fixture, { network, address: "10.0.0.1" });
      yield* TestClock.adjust("1 second");
      const make = (host: number) => makeExchanger({ network, address: `10.0.0.${host}`, fixture });
      const [listener, leaver, stayer] = [yield* make(2), yield* make(3), yield* make(4)];
      const silent = yield* makeFakePeer({ network, address: "10.0.0.5", fixture, extension: true, greet: () => {} });
      for (const peer of [leaver, silent, stayer, listener]) yield* Effect.forkScoped(peer.dial("10.0.0.1:6881"));
      yield* TestClock.adjust("20 seconds");
      const hosts = () =>
        toldTo(listener.talks[0]).map(({ added, dropped }) => [added.map(show), dropped.map(NetAddress.formatInet)]);
      assert.deepStrictEqual(hosts(), [[["10.0.0.3:6881", "10.0.0.4:6881"], []]]);
      leaver.talks[0]?.hangUp();
      yield* TestClock.adjust("2 minutes");
      assert.deepStrictEqual(hosts().slice(1), [[[], ["10.0.0.3:6881"]]]);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("parts from who floods it with addresses", () =>
    Effect.gen(function* () {
      const network = yield* Network.make({ latency: "10 millis" });
      const payload = encodeUtPex({ added: [{ address: at("10.0.0.99:1"), flags: 0 }], dropped: [] });
      const liar = yield* makeExchanger({
        network,
        address: "10.0.0.66",
        fixture,
        greet: (talk) => {
          for (let n = 0; n < 9; n++) talk.say({ _tag: "Extended", id: 2, payload });
        },
      });
      const client = yield* makeClient({ network, address: "10.0.0.2" });
      const run = yield* watch(client, requestOf(fixture, { noTrackers: true, peers: peersAt("10.0.0.66") }));
      yield* TestClock.adjust("5 seconds");
      assert.strictEqual(pexIdOf(liar.talks[0]), 2);
      assert.deepStrictEqual(run.peer("10.0.0.66").slice(0, 2), ["connected", "peer.flood"]);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});
