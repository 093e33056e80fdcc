/** How well lookups do in a large network whose nodes come and go and whose packets get lost. It prints its figures; those of the README are from here. */
import { assert, describe, it } from "@effect/vitest";
import { Duration, Effect, Exit, Fiber, Layer, Option, Random, Scope, Stream } from "effect";
import { Dns, NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import type { SavedTable } from "../../../src/schema/dhtTable.ts";
import { fromBytes, type InfoHash } from "../../../src/schema/infoHash.ts";
import type { Contact } from "../../../src/schema/compactNodes.ts";
import { commonPrefix, makeNodeId, NODE_ID_BITS } from "../../../src/schema/nodeId.ts";
import { makeNetwork } from "../../../src/services/Dht/network.ts";
import * as MemoryDhtStore from "../../../src/services/DhtStore/memory.ts";
import { Hasher } from "../../../src/services/Hasher.ts";
import * as MemoryNetwork from "../../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { DHT_PORT, inet } from "../../support/dht.ts";
import type { HostPort } from "../../../src/schema/hostPort.ts";

const NODES = 2_000;
/** Nodes that leave without a word after the announces, each replaced by a new one. */
const CHURN = 0.2;
/** Packets that get lost, each way. */
const LOSS = 0.1;
/** Nodes of a bucket (BEP 5). */
const BUCKET = 8;
const TORRENTS = 40;
/** Lookups of two kinds, all at once: whole ones, and up to the first peer. */
const LOOKUPS = 200;
/** No lookup takes longer. */
const PATIENCE = Duration.seconds(15);

const shared = Layer.mergeAll(Layer.orDie(Dns.layerStatic({ hosts: {} })), Hasher.layer);

interface Simulated {
  readonly address: string;
  readonly dht: Effect.Success<ReturnType<typeof makeNetwork>>;
  readonly scope: Scope.Closeable;
}

const queriesOf = ({ dht }: Simulated): number => dht.stats().get("IPv4")?.queries ?? 0;

const pick = <A>(list: ReadonlyArray<A>) =>
  Effect.flatMap(Random.nextIntBetween(0, list.length - 1), (i) => Effect.fromNullishOr(list[i])).pipe(Effect.orDie);

const randomInfoHash: Effect.Effect<InfoHash> = Effect.map(
  Effect.replicateEffect(Random.nextIntBetween(0, 255), 20),
  (bytes) => Option.getOrThrow(fromBytes(Uint8Array.from(bytes))),
);

const median = (numbers: ReadonlyArray<number>): number =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;

/** What a node that was there before knows: a full bucket of others wherever there are so many, looked for among `all` from `first` on. */
const savedTable = (own: Contact, all: ReadonlyArray<Contact>, first: number): SavedTable => {
  const buckets = new Map<number, Array<Contact>>();
  for (const other of [...all.slice(first), ...all.slice(0, first)]) {
    const prefix = commonPrefix(own.id, other.id);
    const bucket = buckets.get(prefix) ?? [];
    buckets.set(prefix, bucket);
    if (bucket.length < BUCKET && prefix < NODE_ID_BITS) bucket.push(other);
  }
  return new Map([["IPv4", { id: own.id, nodes: [...buckets.values()].flat() }]]);
};

/** A network of machines that come and go. */
const makeSimulation = Effect.gen(function* () {
  const network = yield* MemoryNetwork.make({ latency: "50 millis", loss: LOSS });
  const outer = yield* Effect.scope;
  const nodes: Array<Simulated> = [];
  let addresses = 0;
  const nextAddress = (): string => `${20 + Math.floor(addresses / 250)}.${addresses++ % 250}.7.1`;
  const start = (address: string, known: { routers: ReadonlyArray<HostPort>; saved?: SavedTable }) =>
    Effect.gen(function* () {
      const scope = yield* Scope.fork(outer);
      const context = yield* Layer.buildWithScope(
        Layer.mergeAll(
          network.host(address, { udpPort: DHT_PORT }),
          shared,
          Layer.fresh(MemoryDhtStore.layer(known.saved)),
        ),
        scope,
      );
      const dht = yield* makeNetwork(known).pipe(Scope.provide(scope), Effect.provideContext(context));
      nodes.push({ address, dht, scope });
    });
  return {
    nodes,
    /** Machines that were on the network before. */
    begin: Effect.gen(function* () {
      const contacts = yield* Effect.replicateEffect(
        Effect.map(randomInfoHash, ({ bytes }): Contact => {
          const address = inet(`${nextAddress()}:${DHT_PORT}`);
          return { id: makeNodeId(address.address, bytes), address };
        }),
        NODES,
      );
      for (const contact of contacts)
        yield* start(NetAddress.formatIp(contact.address.address), {
          routers: [],
          saved: savedTable(contact, contacts, yield* Random.nextIntBetween(0, NODES - 1)),
        });
    }),
    /** A new machine, that knows two others. */
    join: Effect.gen(function* () {
      const known = [yield* pick(nodes), yield* pick(nodes)];
      yield* start(nextAddress(), { routers: known.map(({ address }) => ({ host: address, port: DHT_PORT })) });
    }),
    /** A machine goes, without a word. */
    leave: Effect.gen(function* () {
      const node = yield* pick(nodes);
      nodes.splice(nodes.indexOf(node), 1);
      yield* Scope.close(node.scope, Exit.void);
    }),
  };
});

describe("a DHT of 2,000 nodes", () => {
  it.effect(
    "finds what was announced, though nodes leave and packets get lost",
    () =>
      Effect.gen(function* () {
        const started = performance.now();
        const { nodes, begin, join, leave } = yield* makeSimulation;
        // the clock is moved once before, or a slow machine is warned of a test that seems to hang
        yield* TestClock.adjust(0);
        yield* begin;
        yield* TestClock.adjust("6 seconds");

        const torrents = yield* Effect.replicateEffect(randomInfoHash, TORRENTS);
        for (const torrent of torrents)
          yield* Effect.forkChild((yield* pick(nodes)).dht.announce(torrent, { port: 7_000, seed: true }));
        yield* TestClock.adjust("8 seconds");
        for (let i = 0; i < NODES * CHURN; i++) yield* leave;
        for (let i = 0; i < NODES * CHURN; i++) yield* join;
        yield* TestClock.adjust("10 seconds");
        const joining = median(nodes.slice(-NODES * CHURN).map(queriesOf));

        const searching = performance.now();
        const delays: Array<number> = [];
        const queries: Array<number> = [];
        let found = 0;
        const lookups = yield* Effect.replicateEffect(
          Effect.gen(function* () {
            const torrent = yield* pick(torrents);
            const [one, other] = [yield* pick(nodes), yield* pick(nodes)];
            const before = queriesOf(one);
            const whole = one.dht.scrape(torrent).pipe(
              Effect.map(({ seeds }) => {
                queries.push(queriesOf(one) - before);
                if (seeds > 0) found++;
              }),
            );
            const first = Stream.runHead(other.dht.peers(torrent)).pipe(
              Effect.timed,
              Effect.map(([elapsed]) => {
                found++;
                delays.push(Duration.toMillis(elapsed));
              }),
            );
            return yield* Effect.forkChild(
              Effect.all([whole, first], { concurrency: 2 }).pipe(Effect.timeoutOption(PATIENCE)),
            );
          }),
          LOOKUPS,
        );
        yield* TestClock.adjust(PATIENCE);
        yield* Fiber.joinAll(lookups);
        const seconds = (performance.now() - searching) / 1_000;
        console.log(
          [
            `${NODES} nodes, ${CHURN * 100} % churn, ${LOSS * 100} % loss`,
            `success ${((100 * found) / LOOKUPS / 2).toFixed(1)} %`,
            `${median(queries)} queries per lookup (median) right after that`,
            `first peer after ${median(delays)} ms at 100 ms per round trip (median)`,
            `${Math.round((2 * LOOKUPS) / seconds)} lookups per second of this machine, all nodes in one process`,
            `joining takes ${joining} queries (median); ${((performance.now() - started) / 1_000).toFixed(1)} s in all`,
          ].join("; "),
        );
        assert.isAtLeast(found / LOOKUPS / 2, 0.95);
      }).pipe(Random.withSeed("dht")),
    120_000,
  );
});
