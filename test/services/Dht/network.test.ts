import { assert, describe, it } from "@effect/vitest";
import { Context, Effect, Exit, Fiber, Layer, Option, Schema, Scope, Stream } from "effect";
import { Dns, NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import { Datagrams } from "../../../src/services/Datagrams/Datagrams.ts";
import { Dht } from "../../../src/services/Dht/Dht.ts";
import * as MemoryDht from "../../../src/services/Dht/memory.ts";
import { DhtStore } from "../../../src/services/DhtStore/DhtStore.ts";
import * as MemoryDhtStore from "../../../src/services/DhtStore/memory.ts";
import { Hasher } from "../../../src/services/Hasher.ts";
import * as MemoryNetwork from "../../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { DHT_PORT, infoHashOf, inet, makeDht } from "../../support/dht.ts";

const router = { host: "20.0.0.1", port: DHT_PORT };
const nodesOf = (dht: Pick<Dht["Service"], "stats">, family: NetAddress.IpFamily = "IPv4"): number =>
  dht.stats().get(family)?.nodes ?? 0;
/** The first use, which is what starts a DHT. */
const start = (dht: Dht["Service"]) =>
  // the clock is moved once more, so that all that happens before the first packet has happened
  Effect.andThen(Effect.forkScoped(dht.scrape(infoHashOf(250))), TestClock.adjust("1 millis"));

/** A DHT of so many nodes on addresses 20.<n>.0.1 (and 2001:db8:<n>::1), all joined through the first. */
const makeNodes = (network: MemoryNetwork.MemoryNetwork, count: number, dual = false) =>
  Effect.gen(function* () {
    const nodes: Array<Dht["Service"]> = [];
    for (let i = 0; i < count; i++) {
      const addresses = dual ? [`20.${i}.0.1`, `2001:db8:${i}::1`] : `20.${i}.0.1`;
      // the last ones know nobody on IPv6
      const routers = dual && i < 9 ? [{ ...router, host: "2001:db8:0::1" }, router] : [router];
      const { dht } = yield* makeDht(network, addresses, { routers: i === 0 ? [] : routers });
      nodes.push(dht);
      yield* start(dht);
      yield* TestClock.adjust("500 millis");
      yield* TestClock.adjust("500 millis");
    }
    return nodes;
  });
const nth = (nodes: ReadonlyArray<Dht["Service"]>, n: number) => Effect.orDie(Effect.fromNullishOr(nodes[n]));

/** A DHT whose names and saved nodes the test decides. */
const makeNamed = (
  network: MemoryNetwork.MemoryNetwork,
  address: string,
  options: { readonly hosts?: Record<string, ReadonlyArray<string>>; readonly routers?: ReadonlyArray<string> },
) =>
  Effect.gen(function* () {
    const looked: Array<string> = [];
    const dns = Layer.effect(
      Dns.Dns,
      Effect.map(Dns.Dns, (dns) =>
        Dns.Dns.of({
          ...dns,
          lookup: (...args: Parameters<typeof dns.lookup>) => {
            looked.push(String(args[0]));
            return dns.lookup(...args);
          },
        }),
      ),
    ).pipe(Layer.provide(Layer.orDie(Dns.layerStatic({ hosts: options.hosts ?? {} }))));
    const scope = yield* Scope.fork(yield* Effect.scope);
    const routers = (options.routers ?? []).map((host) => ({ host, port: DHT_PORT }));
    const store = yield* Effect.serviceOption(DhtStore);
    const context = yield* Layer.buildWithScope(
      Layer.fresh(MemoryDht.layer({ routers })).pipe(
        Layer.provide([
          network.host(address, { udpPort: DHT_PORT }),
          dns,
          Option.isSome(store) ? Layer.succeed(DhtStore, store.value) : Layer.fresh(MemoryDhtStore.layer()),
          Hasher.layer,
        ]),
      ),
      scope,
    );
    return { dht: Context.get(context, Dht), looked, leave: Scope.close(scope, Exit.void) };
  });

describe("Dht", () => {
  it.effect("finds the peer that another node announced, and counts it", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make({ latency: "20 millis" });
      const nodes = yield* makeNodes(network, 20);
      for (const node of nodes) assert.isAbove(nodesOf(node), 7);
      const told = yield* Effect.forkChild((yield* nth(nodes, 3)).announce(infoHashOf(1), { port: 7_000, seed: true }));
      yield* TestClock.adjust("10 seconds");
      assert.strictEqual(yield* Fiber.join(told), 8);
      const { dht } = yield* makeDht(network, "30.0.0.1", { routers: [router] });
      const first = yield* Effect.forkChild(Stream.runHead(dht.peers(infoHashOf(1))));
      yield* TestClock.adjust("1 millis");
      yield* TestClock.adjust("2 seconds");
      assert.deepStrictEqual(yield* Fiber.join(first), Option.some(inet("20.3.0.1:7000")));
      const scraped = yield* Effect.forkChild(dht.scrape(infoHashOf(1)));
      yield* TestClock.adjust("10 seconds");
      const { peers, seeds } = yield* Fiber.join(scraped);
      assert.strictEqual(Math.round(seeds), 1);
      assert.strictEqual(peers, 0);
    }),
  );

  it.effect("sends nothing before its first use, and remembers until then who was mentioned", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make({ latency: "1 millis" });
      const heard: Array<Uint8Array> = [];
      const listening = Context.get(yield* Layer.build(network.host("20.0.0.1", { udpPort: DHT_PORT })), Datagrams);
      yield* listening.receive((bytes) => heard.push(bytes.slice()) > 0);
      const { dht } = yield* makeDht(network, "30.0.0.1", { routers: [router] });
      dht.addNode(inet("20.0.0.1:6881"));
      yield* TestClock.adjust("1 hour");
      assert.strictEqual(heard.length, 0);
      assert.strictEqual(dht.port, DHT_PORT);
      assert.strictEqual(dht.stats().size, 0);
      yield* start(dht);
      yield* TestClock.adjust("1 second");
      assert.isAtLeast(heard.length, 2);
    }),
  );

  it.effect("looks again every quarter of an hour, sooner while nobody is found, and announces each time", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make({ latency: "20 millis" });
      const nodes = yield* makeNodes(network, 10);
      const { dht } = yield* makeDht(network, "30.0.0.1", { routers: [router] });
      const found: Array<string> = [];
      let asked = 0;
      const announce = () => {
        asked++;
        return { port: 7_000, seed: false };
      };
      const search = yield* Effect.forkChild(
        Stream.runForEach(dht.peers(infoHashOf(1), { announce }), (peer) =>
          Effect.sync(() => void found.push(NetAddress.formatInet(peer))),
        ),
      );
      yield* TestClock.adjust("30 seconds");
      assert.deepStrictEqual(found, []);
      // by the second time the others tell us of ourselves
      yield* TestClock.adjust("1 minute");
      assert.include(found, "30.0.0.1:7000");
      yield* Effect.forkChild((yield* nth(nodes, 2)).announce(infoHashOf(1), { port: 8_000, seed: false }));
      yield* TestClock.adjust("12 minutes");
      assert.notInclude(found, "20.2.0.1:8000");
      yield* TestClock.adjust("6 minutes");
      assert.include(found, "20.2.0.1:8000");
      yield* Fiber.interrupt(search);
      const before = asked;
      const queries = dht.stats().get("IPv4")?.queries ?? 0;
      yield* TestClock.adjust("10 minutes");
      assert.strictEqual(asked, before);
      assert.isBelow((dht.stats().get("IPv4")?.queries ?? 0) - queries, 200);
    }),
  );

  it.effect("lets a seed find those who are none", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make({ latency: "20 millis" });
      const nodes = yield* makeNodes(network, 10);
      yield* Effect.forkChild((yield* nth(nodes, 2)).announce(infoHashOf(1), { port: 8_000, seed: true }));
      yield* Effect.forkChild((yield* nth(nodes, 3)).announce(infoHashOf(1), { port: 9_000, seed: false }));
      yield* TestClock.adjust("10 seconds");
      const found = new Set<number>();
      const announce = () => ({ port: 7_000, seed: true });
      yield* Effect.forkChild(
        Stream.runForEach((yield* nth(nodes, 5)).peers(infoHashOf(1), { announce }), ({ port }) =>
          Effect.sync(() => void found.add(port)),
        ),
      );
      yield* TestClock.adjust("10 seconds");
      yield* TestClock.adjust("10 seconds");
      assert.deepStrictEqual([...found], [9_000]);
    }),
  );

  it.effect("begins to search as soon as it knows somebody, however late that is", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make({ latency: "20 millis" });
      const nodes = yield* makeNodes(network, 10);
      yield* Effect.forkChild((yield* nth(nodes, 2)).announce(infoHashOf(1), { port: 8_000, seed: false }));
      const { dht } = yield* makeDht(network, "30.0.0.1");
      const first = yield* Effect.forkChild(Stream.runHead(dht.peers(infoHashOf(1))));
      yield* TestClock.adjust("1 millis");
      yield* TestClock.adjust("10 minutes");
      assert.strictEqual(nodesOf(dht), 0);
      // a peer's PORT message names one
      dht.addNode(inet("20.5.0.1:6881"));
      yield* TestClock.adjust("2 seconds");
      assert.deepStrictEqual(yield* Fiber.join(first), Option.some(inet("20.2.0.1:8000")));
    }),
  );

  it.effect("joins by names: the torrent's before the routers, one by one, and no more than it needs", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make({ latency: "20 millis" });
      yield* makeNodes(network, 12);
      const { dht, looked } = yield* makeNamed(network, "30.0.0.1", {
        hosts: { "torrent.test": ["20.4.0.1"], "router.test": ["20.0.0.1"] },
        routers: ["router.test", "other.test"],
      });
      const nodes = ["lost.test", "torrent.test"].map((host) => ({ host, port: DHT_PORT }));
      yield* Effect.forkScoped(Stream.runDrain(dht.peers(infoHashOf(1), { nodes })));
      yield* TestClock.adjust("5 seconds");
      assert.isAbove(nodesOf(dht), 7);
      assert.deepStrictEqual(looked, ["lost.test", "torrent.test"]);
    }),
  );

  it.effect("is quiet where no name can be found, and tries again later", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make({ latency: "20 millis" });
      const hosts: Record<string, ReadonlyArray<string>> = {};
      const { dht, looked } = yield* makeNamed(network, "30.0.0.1", { hosts, routers: ["router.test"] });
      yield* Effect.forkScoped(Stream.runDrain(dht.peers(infoHashOf(1))));
      yield* TestClock.adjust("1 minute");
      assert.strictEqual(nodesOf(dht), 0);
      assert.isAbove(looked.length, 2);
      assert.isBelow(looked.length, 8);
    }),
  );

  it.effect("joins again by itself with what the last run knew, though the routers are gone", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make({ latency: "20 millis" });
      yield* makeNodes(network, 12);
      const before = yield* makeNamed(network, "30.0.0.1", { routers: ["20.0.0.1"] });
      yield* start(before.dht);
      yield* TestClock.adjust("10 seconds");
      assert.isAbove(nodesOf(before.dht), 7);
      yield* before.leave;
      const kept = yield* (yield* DhtStore).load;
      const saved = Option.isSome(kept) ? kept.value.get("IPv4") : undefined;
      assert.isAbove(saved?.nodes.length ?? 0, 7);
      const after = yield* makeNamed(network, "30.0.0.1", { routers: [] });
      yield* start(after.dht);
      yield* TestClock.adjust("10 seconds");
      assert.isAbove(nodesOf(after.dht), 7);
    }).pipe(Effect.provide(MemoryDhtStore.layer())),
  );

  it.effect("joins again when the network was away", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make({ latency: "20 millis" });
      yield* makeNodes(network, 9);
      const { dht } = yield* makeDht(network, "30.0.0.1", { routers: [router] });
      yield* start(dht);
      yield* TestClock.adjust("10 seconds");
      assert.isAbove(nodesOf(dht), 7);
      for (let i = 0; i < 9; i++) yield* network.cut("30.0.0.1", `20.${i}.0.1`);
      yield* TestClock.adjust("40 minutes");
      assert.strictEqual(nodesOf(dht), 0);
      for (let i = 0; i < 9; i++) yield* network.restore("30.0.0.1", `20.${i}.0.1`);
      yield* TestClock.adjust("20 minutes");
      assert.isAbove(nodesOf(dht), 7);
    }),
  );

  it.effect("has a node on each address family, joined by the other's (BEP 32, 45)", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make({ latency: "20 millis" });
      const nodes = yield* makeNodes(network, 12, true);
      yield* TestClock.adjust("1 minute");
      for (const node of nodes) assert.isAbove(nodesOf(node, "IPv6"), 3);
      const told = yield* Effect.forkChild(
        (yield* nth(nodes, 5)).announce(infoHashOf(1), { port: 9_000, seed: false }),
      );
      yield* TestClock.adjust("10 seconds");
      assert.isAbove(yield* Fiber.join(told), 8);
      const { dht } = yield* makeDht(network, "2001:db8:99::1", {
        routers: [{ host: "2001:db8:3::1", port: DHT_PORT }],
      });
      const first = yield* Effect.forkChild(Stream.runHead(dht.peers(infoHashOf(1))));
      yield* TestClock.adjust("1 millis");
      yield* TestClock.adjust("5 seconds");
      assert.deepStrictEqual(yield* Fiber.join(first), Option.some(inet("[2001:db8:5::1]:9000")));
    }),
  );

  it.effect.prop(
    "goes on whatever packets arrive",
    [Schema.Array(Schema.Uint8Array)],
    ([packets]) =>
      Effect.gen(function* () {
        const network = yield* MemoryNetwork.make({ latency: "1 millis" });
        const { dht } = yield* makeDht(network, "20.0.0.1");
        const attacker = Context.get(yield* Layer.build(network.host("30.0.0.2", { udpPort: DHT_PORT })), Datagrams);
        yield* start(dht);
        for (const packet of packets) {
          yield* attacker.send(inet("20.0.0.1:6881"), packet);
          yield* attacker.send(inet("20.0.0.1:6881"), Uint8Array.of(0x64, ...packet));
        }
        yield* TestClock.adjust("1 second");
        const { dht: other } = yield* makeDht(network, "20.1.0.1", { routers: [router] });
        yield* start(other);
        yield* TestClock.adjust("5 seconds");
        assert.strictEqual(nodesOf(other), 1);
      }).pipe(Effect.scoped),
    { arbitrary: { runs: 20 } },
  );
});
