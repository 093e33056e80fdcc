/** One node and what it says to others, on the in-memory network. */
import { assert, describe, it } from "@effect/vitest";
import { Context, Effect, Fiber, Layer, Result } from "effect";
import { NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import { hash } from "node:crypto";
import { bloomCount } from "../../../src/schema/bloom.ts";
import { type Answer, decodeKrpc, encodeKrpc, type Krpc, type Query } from "../../../src/schema/krpc.ts";
import { fitsAddress, makeNodeId } from "../../../src/schema/nodeId.ts";
import { Datagrams } from "../../../src/services/Datagrams/Datagrams.ts";
import { makeNode, type NodeOptions } from "../../../src/services/Dht/node.ts";
import * as MemoryNetwork from "../../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { DHT_PORT, inet } from "../../support/dht.ts";

const infoHash = new Uint8Array(20).fill(7);
const idOf = (byte: number): Uint8Array => new Uint8Array(20).fill(byte);
const getPeers: Query = { _tag: "GetPeers", infoHash, want: [], noSeed: false, scrape: false };

/** A node at `address`; it knows of no other address of its own than `own`. */
const makeOwn = (
  network: MemoryNetwork.MemoryNetwork,
  address: string,
  options: Partial<Omit<NodeOptions, "own">> & { readonly own?: ReadonlyArray<string> } = {},
) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(network.host(address, { udpPort: DHT_PORT }));
    let moves = 0;
    let secrets = 0;
    const node = yield* makeNode({
      family: NetAddress.familyOf(NetAddress.ipFromStringUnsafe(address)),
      saved: undefined,
      sha1: (bytes) => hash("sha1", bytes, "buffer"),
      secret: (length) => new Uint8Array(length).fill(++secrets),
      others: () => [],
      mentioned: () => {},
      moved: () => moves++,
      ...options,
      own: (options.own ?? [address]).map(NetAddress.ipFromStringUnsafe),
    }).pipe(Effect.provideContext(context));
    return { node, moves: () => moves };
  });

/** Somebody who asks at will, and answers what the test says. */
const makeAsker = (network: MemoryNetwork.MemoryNetwork, address: string, us: string) =>
  Effect.gen(function* () {
    const datagrams = Context.get(yield* Layer.build(network.host(address, { udpPort: DHT_PORT })), Datagrams);
    const got: Array<Krpc> = [];
    let seenAs: NetAddress.InetAddress | undefined;
    const id = idOf(Number(address.split(".").at(-1)) || 200);
    yield* datagrams.receive((bytes, from) => {
      const message = Result.getOrThrow(decodeKrpc(bytes));
      got.push(message);
      if (message._tag === "Query" && seenAs !== undefined)
        datagrams.sendUnsafe(
          from,
          encodeKrpc({
            _tag: "Answer",
            transaction: message.transaction,
            answer: { id, nodes: [], peers: [] },
            seenAs,
          }),
        );
      return true;
    });
    return {
      got,
      id,
      /** From now on it answers, and says that we are at this address. */
      see: (address: string) => void (seenAs = inet(address)),
      /** Asks and gives what comes back: an answer, an error's code, or nothing. */
      ask: (query: Query, readOnly = true) =>
        Effect.gen(function* () {
          const before = got.length;
          const transaction = Uint8Array.of(1, before);
          yield* datagrams.send(inet(us), encodeKrpc({ _tag: "Query", transaction, id, query, readOnly }));
          yield* TestClock.adjust("100 millis");
          const reply = got.slice(before).find((message) => message._tag !== "Query");
          if (reply?._tag === "Answer") return { answer: reply.answer, seenAs: reply.seenAs, code: 0 };
          return { answer: undefined, seenAs: undefined, code: reply?._tag === "Error" ? reply.code : -1 };
        }),
    };
  });

const US = "20.0.0.1:6881";
const makePair = Effect.gen(function* () {
  const network = yield* MemoryNetwork.make({ latency: "1 millis" });
  const own = yield* makeOwn(network, "20.0.0.1");
  const asker = yield* makeAsker(network, "30.0.0.2", US);
  return { network, ...own, asker };
});
const announce = (
  answer: Answer | undefined,
  change: Partial<Extract<Query, { _tag: "AnnouncePeer" }>> = {},
): Query => ({
  _tag: "AnnouncePeer",
  infoHash,
  port: 7_000,
  seed: false,
  token: answer?.token ?? new Uint8Array(0),
  ...change,
});

describe("node", () => {
  it.effect("answers pings with its id, and tells the asker where it was seen", () =>
    Effect.gen(function* () {
      const { asker, node } = yield* makePair;
      const { answer, seenAs } = yield* asker.ask({ _tag: "Ping" });
      assert.deepStrictEqual(answer?.id, node.id());
      assert.strictEqual(seenAs && NetAddress.formatInet(seenAs), "30.0.0.2:6881");
      assert.isTrue(fitsAddress(node.id(), NetAddress.ipFromStringUnsafe("20.0.0.1")));
    }),
  );

  it.effect("keeps peers that are announced with its token, and refuses those without", () =>
    Effect.gen(function* () {
      const { asker, network } = yield* makePair;
      const { answer: first } = yield* asker.ask(getPeers);
      assert.deepStrictEqual(first?.peers, []);
      const stranger = yield* makeAsker(network, "30.0.0.3", US);
      assert.strictEqual((yield* stranger.ask(announce(first))).code, 203);
      assert.strictEqual((yield* asker.ask(announce(first))).code, 0);
      assert.strictEqual((yield* asker.ask(announce(first, { port: undefined, seed: true }))).code, 0);
      const { answer } = yield* asker.ask(getPeers);
      assert.deepStrictEqual(answer?.peers.map(NetAddress.formatInet).toSorted(), ["30.0.0.2:6881", "30.0.0.2:7000"]);
      const { answer: leechers } = yield* asker.ask({ ...getPeers, noSeed: true, scrape: true });
      assert.deepStrictEqual(
        leechers?.peers.map(({ port }) => port),
        [7_000],
      );
      assert.approximately(bloomCount(leechers?.seedFilter ?? new Uint8Array(0)), 1, 0.1);
      yield* TestClock.adjust("46 minutes");
      assert.deepStrictEqual((yield* asker.ask(getPeers)).answer?.peers, []);
      assert.strictEqual((yield* asker.ask(announce(first))).code, 203);
    }),
  );

  it.effect("keeps its answers below 1,024 bytes, whatever it knows and is asked for", () =>
    Effect.gen(function* () {
      const { asker } = yield* makePair;
      const { answer: first } = yield* asker.ask(getPeers);
      for (let port = 1; port <= 300; port++) {
        yield* asker.ask(announce(first, { port }));
        if (port % 40 === 0) yield* TestClock.adjust("20 seconds");
      }
      yield* TestClock.adjust("1 minute");
      for (const scrape of [false, true]) {
        const { answer } = yield* asker.ask({ ...getPeers, scrape });
        const last = asker.got.at(-1);
        assert.isAtMost(last === undefined ? 9_999 : encodeKrpc(last).length, 1_024);
        assert.isAbove(answer?.peers.length ?? 0, scrape ? 20 : 90);
      }
    }),
  );

  it.effect("takes in who asks when it answers in turn, but not who says that it is read-only", () =>
    Effect.gen(function* () {
      const { asker, node } = yield* makePair;
      asker.see(US);
      yield* asker.ask({ _tag: "Ping" }, true);
      assert.strictEqual(node.stats().nodes, 0);
      yield* asker.ask({ _tag: "Ping" }, false);
      assert.strictEqual(node.stats().nodes, 1);
      assert.deepStrictEqual(node.closest(infoHash)[0]?.id, asker.id);
    }),
  );

  it.effect("is read-only behind a NAT until somebody finds it by himself (BEP 43)", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make({ latency: "1 millis" });
      const { node } = yield* makeOwn(network, "20.0.0.1", { own: ["192.168.1.5"] });
      const known = yield* makeAsker(network, "30.0.0.2", US);
      known.see("99.0.0.1:6881");
      node.greet(inet("30.0.0.2:6881"));
      yield* TestClock.adjust("100 millis");
      const [query] = known.got;
      assert.isTrue(query?._tag === "Query" && query.readOnly);
      assert.isTrue(node.stats().readOnly);
      assert.strictEqual((yield* known.ask({ _tag: "Ping" })).code, -1);
      const stranger = yield* makeAsker(network, "30.0.0.3", US);
      assert.strictEqual((yield* stranger.ask({ _tag: "Ping" })).code, 0);
      assert.isFalse(node.stats().readOnly);
      assert.strictEqual((yield* known.ask({ _tag: "Ping" })).code, 0);
      node.greet(inet("30.0.0.2:6881"));
      yield* TestClock.adjust("100 millis");
      const last = known.got.findLast((message) => message._tag === "Query");
      assert.isFalse(last?._tag === "Query" && last.readOnly);
    }),
  );

  it.effect("takes an id that fits the address others see it at, and keeps who it knows (BEP 42)", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make({ latency: "1 millis" });
      const { moves, node } = yield* makeOwn(network, "20.0.0.1", { own: [] });
      const before = node.id();
      for (let i = 1; i <= 4; i++) {
        assert.deepStrictEqual(node.id(), before);
        const voter = yield* makeAsker(network, `30.0.${i}.${i}`, US);
        voter.see("99.0.0.1:6881");
        node.greet(inet(`30.0.${i}.${i}:6881`));
        yield* TestClock.adjust("100 millis");
      }
      assert.isTrue(fitsAddress(node.id(), NetAddress.ipFromStringUnsafe("99.0.0.1")));
      assert.strictEqual(node.contacts().length, 4);
      assert.isAtLeast(moves(), 2);
      assert.deepStrictEqual(node.stats().address, NetAddress.ipFromStringUnsafe("99.0.0.1"));
    }),
  );

  it.effect("keeps the id of the last run while it fits", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make({ latency: "1 millis" });
      const id = makeNodeId(NetAddress.ipFromStringUnsafe("99.0.0.1"), idOf(3));
      const { node } = yield* makeOwn(network, "20.0.0.1", { own: [], saved: { id, nodes: [] } });
      for (let i = 1; i <= 5; i++) {
        const voter = yield* makeAsker(network, `30.0.${i}.${i}`, US);
        voter.see("99.0.0.1:6881");
        node.greet(inet(`30.0.${i}.${i}:6881`));
        yield* TestClock.adjust("100 millis");
      }
      assert.deepStrictEqual(node.id(), id);
    }),
  );

  it.effect("answers over IPv6 with IPv6 nodes, and with those of both when they are wanted (BEP 32)", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make({ latency: "1 millis" });
      const v4 = { id: idOf(9), address: inet("40.0.0.1:1") };
      const { node } = yield* makeOwn(network, "2001:db8::1", { others: () => [v4] });
      const asker = yield* makeAsker(network, "2001:db8:1::2", "[2001:db8::1]:6881");
      asker.see("[2001:db8::1]:6881");
      yield* asker.ask({ _tag: "Ping" }, false);
      assert.strictEqual(node.stats().nodes, 1);
      const own = yield* asker.ask({ _tag: "FindNode", target: infoHash, want: [] });
      assert.deepStrictEqual(
        own.answer?.nodes.map(({ address }) => NetAddress.familyOf(address)),
        ["IPv6"],
      );
      const both = yield* asker.ask({ _tag: "FindNode", target: infoHash, want: ["IPv4", "IPv6"] });
      assert.deepStrictEqual(
        both.answer?.nodes.map(({ address }) => NetAddress.familyOf(address)),
        ["IPv4", "IPv6"],
      );
    }),
  );

  it.effect("pings who was silent for a quarter of an hour, and lets go of who is gone", () =>
    Effect.gen(function* () {
      const { asker, network, node } = yield* makePair;
      asker.see(US);
      yield* asker.ask({ _tag: "Ping" }, false);
      const queries = () => asker.got.filter(({ _tag }) => _tag === "Query").length;
      const before = queries();
      yield* TestClock.adjust("14 minutes");
      assert.strictEqual(queries(), before);
      yield* TestClock.adjust("2 minutes");
      assert.isAbove(queries(), before);
      assert.strictEqual(node.stats().nodes, 1);
      yield* network.cut("20.0.0.1", "30.0.0.2");
      yield* TestClock.adjust("20 minutes");
      assert.strictEqual(node.stats().nodes, 0);
    }),
  );

  it.effect("announces to the nodes that gave a token", () =>
    Effect.gen(function* () {
      const { network, node } = yield* makePair;
      const other = yield* makeOwn(network, "20.0.0.9");
      const from = { nodes: [], addresses: [inet("20.0.0.9:6881")] };
      const seek = yield* Effect.forkChild(node.seek(infoHash, getPeers, { from }));
      yield* TestClock.adjust("1 second");
      const { closest } = yield* Fiber.join(seek);
      const told = yield* Effect.forkChild(
        node.announce([...closest, { id: idOf(1), address: inet("20.0.0.8:1"), token: undefined }], {
          infoHash,
          port: 7_000,
          seed: true,
        }),
      );
      yield* TestClock.adjust("1 second");
      assert.strictEqual(yield* Fiber.join(told), 1);
      assert.strictEqual(other.node.stats().torrents, 1);
    }),
  );
});
