/** The shared port under a flood of well-formed, changed and arbitrary packets: those who use it hold no more after it than before, and still work. */
import { assert, describe, it } from "@effect/vitest";
import { Context, Effect, Fiber, Layer, Option, Random, Stream } from "effect";
import { TestClock } from "effect/testing";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { encodeKrpc } from "../../../src/schema/krpc.ts";
import { encodeLsd, LSD_GROUPS } from "../../../src/schema/lsd.ts";
import { encodeUtp, UtpType } from "../../../src/schema/utp.ts";
import { Datagrams } from "../../../src/services/Datagrams/Datagrams.ts";
import { Dht } from "../../../src/services/Dht/Dht.ts";
import { LocalDiscovery } from "../../../src/services/LocalDiscovery.ts";
import * as MemoryNetwork from "../../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { Multicast } from "../../../src/services/Multicast/Multicast.ts";
import { Transport } from "../../../src/services/Transport/Transport.ts";
import * as Utp from "../../../src/services/Transport/utp.ts";
import { DHT_PORT, dhtOnly, infoHashOf, inet, makeDht } from "../../support/dht.ts";
import { makeChance, mutate } from "../../support/mutations.ts";

const MIB = 1024 * 1024;
const OURS = inet(`20.0.0.1:${DHT_PORT}`);

setFlagsFromString("--expose-gc");
const gc: unknown = runInNewContext("gc");

/** Bytes of the heap that are in use. */
const heap = Effect.sync(() => {
  if (typeof gc === "function") gc();
  return process.memoryUsage().heapUsed;
});

/** What a stranger may send: queries of every kind, and packets of uTP. */
const samplesOf = (chance: (below: number) => number): ReadonlyArray<Uint8Array> => {
  const bytes = (length: number) => Uint8Array.from({ length }, () => chance(256));
  const [transaction, id, infoHash] = [bytes(2), bytes(20), bytes(20)];
  const krpc = (query: Extract<Parameters<typeof encodeKrpc>[0], { _tag: "Query" }>["query"]) =>
    encodeKrpc({ _tag: "Query", transaction, id, query, readOnly: false });
  return [
    krpc({ _tag: "Ping" }),
    krpc({ _tag: "FindNode", target: infoHash, want: [] }),
    krpc({ _tag: "GetPeers", infoHash, want: [], noSeed: false, scrape: true }),
    krpc({ _tag: "AnnouncePeer", infoHash, port: 1 + chance(65_535), token: bytes(8), seed: false }),
    ...[UtpType.Data, UtpType.Fin, UtpType.State, UtpType.Reset, UtpType.Syn].map((type) =>
      encodeUtp({
        type,
        connectionId: chance(65_536),
        timestamp: chance(1e9),
        timestampDifference: 0,
        window: chance(1e6),
        seq: chance(65_536),
        ack: chance(65_536),
      }),
    ),
  ];
};

describe("the shared port under a flood", () => {
  it.effect("is held by nobody more than before, and works on", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make({ latency: "5 millis" });
      const router = { host: "20.1.0.1", port: DHT_PORT };
      const host = network.host("20.0.0.1", { udpPort: DHT_PORT });
      const context = yield* Layer.build(
        Layer.mergeAll(dhtOnly({ routers: [router] }), Layer.fresh(Utp.layer), Layer.fresh(LocalDiscovery.layer)).pipe(
          Layer.provideMerge(host),
        ),
      );
      const { dht: first } = yield* makeDht(network, router.host, { routers: [] });
      // it comes into being at its first use
      yield* Effect.forkScoped(first.scrape(infoHashOf(9)));
      const { dht: friend } = yield* makeDht(network, "20.2.0.1", { routers: [router] });
      const dht = Context.get(context, Dht);
      const transport = Context.get(context, Transport);
      yield* transport.listen({ port: 0 });
      const searching = dht.peers(infoHashOf(1), { announce: () => ({ port: 1, seed: false }) });
      yield* Effect.forkScoped(Stream.runDrain(searching));
      yield* Effect.forkScoped(Stream.runDrain(Context.get(context, LocalDiscovery).peers(infoHashOf(1), 6881)));
      yield* TestClock.adjust("30 seconds");

      const strangers = yield* Effect.forEach(Array.from({ length: 150 }), (_, n) =>
        Layer.build(Layer.fresh(network.host(`30.${n}.0.1`, { udpPort: DHT_PORT }))),
      );
      const groups = yield* Effect.forEach(strangers.slice(0, 1), (stranger) =>
        Context.get(stranger, Multicast).join(LSD_GROUPS, () => {}),
      );
      const chance = makeChance(7);
      const samples = Array.from({ length: 300 }, () => samplesOf(chance)).flat();
      const flood = Effect.gen(function* () {
        for (let round = 0; round < 40; round++) {
          for (const stranger of strangers) Context.get(stranger, Datagrams).sendUnsafe(OURS, mutate(samples, chance));
          for (const way of groups.flat())
            yield* way.send(
              mutate(
                [encodeLsd(way.group, { port: 1 + chance(65_535), infoHashes: [infoHashOf(1).hex], cookie: "x" })],
                chance,
              ),
            );
          yield* TestClock.adjust("1 second");
        }
      });
      yield* flood;
      const before = yield* heap;
      for (let again = 0; again < 4; again++) yield* flood;
      yield* TestClock.adjust("2 minutes");
      assert.isBelow((yield* heap) - before, 4 * MIB);

      const peer = yield* Effect.forkChild(Stream.runHead(friend.peers(infoHashOf(1))));
      yield* TestClock.adjust("30 seconds");
      assert.isTrue(Option.isSome(yield* Fiber.join(peer)));
      const caller = yield* Layer.build(
        Layer.fresh(Utp.layer).pipe(Layer.provide(Layer.fresh(network.host("40.0.0.1")))),
      );
      const dialling = yield* Effect.forkScoped(Context.get(caller, Transport).dial(OURS, { timeout: "5 seconds" }));
      yield* TestClock.adjust("1 second");
      assert.strictEqual((yield* Fiber.join(dialling)).kind, "utp");
    }).pipe(Random.withSeed("flood")),
  );
});
