import { assert, describe, it } from "@effect/vitest";
import { Clock, Context, Effect, Fiber, Layer, Option, Stream } from "effect";
import { NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import { fromBytes, type InfoHash } from "../../src/schema/infoHash.ts";
import { decodeLsd, encodeLsd, LSD_GROUPS, MAX_LSD_TORRENTS } from "../../src/schema/lsd.ts";
import { LocalDiscovery } from "../../src/services/LocalDiscovery.ts";
import * as MemoryNetwork from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { Multicast } from "../../src/services/Multicast/Multicast.ts";

const hashOf = (byte: number): InfoHash => Option.getOrThrow(fromBytes(new Uint8Array(20).fill(byte)));
const ONE = hashOf(1);
const [v4 = NetAddress.inetAddressFromStringUnsafe("0.0.0.0:0")] = LSD_GROUPS;

/** A network, a client on it, and somebody who hears all and can say anything. */
const makeNeighbours = Effect.gen(function* () {
  const network = yield* MemoryNetwork.make({ latency: "1 millis" });
  const clock = yield* Clock.Clock;
  const packets: Array<{ at: number; from: string; port: number; torrents: number; cookie: string | undefined }> = [];
  const other = Context.get(yield* Layer.build(network.host(["10.0.0.9", "fd00::9"])), Multicast);
  const ways = yield* other.join(LSD_GROUPS, (bytes, from) => {
    const { port, infoHashes, cookie } = Option.getOrThrow(decodeLsd(bytes));
    const at = Math.floor(clock.currentTimeMillisUnsafe() / 1_000);
    packets.push({ at, from: NetAddress.formatHost(from), port, torrents: infoHashes.length, cookie });
  });
  const plug = (addresses: string | ReadonlyArray<string>) =>
    Effect.map(
      Layer.build(LocalDiscovery.layer.pipe(Layer.fresh, Layer.provide(network.host(addresses)))),
      Context.get(LocalDiscovery),
    );
  const say = (bytes: Uint8Array) =>
    Effect.andThen(
      Effect.forEach(ways.slice(0, 1), (way) => way.send(bytes)),
      TestClock.adjust("1 second"),
    );
  return { packets, plug, say, ways };
});

/** Looks for a torrent; what was found so far, and how to stop. */
const look = (discovery: LocalDiscovery["Service"], infoHash: InfoHash, port: number | undefined) =>
  Effect.gen(function* () {
    const found: Array<string> = [];
    const fiber = yield* discovery.peers(infoHash, port).pipe(
      Stream.runForEach((address) => Effect.sync(() => found.push(NetAddress.formatInet(address)))),
      Effect.forkScoped({ startImmediately: true }),
    );
    return { found, stop: Fiber.interrupt(fiber) };
  });

describe("LocalDiscovery", () => {
  it.effect("speaks on each family at once and every five minutes, as long as somebody looks", () =>
    Effect.gen(function* () {
      const { packets, plug } = yield* makeNeighbours;
      const discovery = yield* plug(["10.0.0.1", "fd00::1"]);
      yield* TestClock.adjust("10 minutes");
      assert.deepStrictEqual(packets, []);
      const looking = yield* look(discovery, ONE, 6881);
      yield* TestClock.adjust("601 seconds");
      const told = packets.map(({ at, from, port }) => [at, from, port]);
      assert.deepStrictEqual(
        told,
        [600, 900, 1200].flatMap((at) => [
          [at, "10.0.0.1", 6881],
          [at, "fd00::1", 6881],
        ]),
      );
      yield* looking.stop;
      yield* TestClock.adjust("20 minutes");
      assert.strictEqual(packets.length, 6);
    }),
  );

  it.effect("says no more than one thing a minute, many torrents in one", () =>
    Effect.gen(function* () {
      const { packets, plug } = yield* makeNeighbours;
      const discovery = yield* plug("10.0.0.1");
      yield* look(discovery, ONE, 6881);
      yield* TestClock.adjust("1 second");
      for (let byte = 2; byte < 2 + MAX_LSD_TORRENTS + 3; byte++) yield* look(discovery, hashOf(byte), 6881);
      yield* look(discovery, hashOf(200), 7000);
      yield* TestClock.adjust("280 seconds");
      assert.deepStrictEqual(
        packets.map(({ at, port, torrents }) => [at, port, torrents]),
        [
          [0, 6881, 1],
          [60, 6881, MAX_LSD_TORRENTS],
          [120, 6881, 3],
          [180, 7000, 1],
        ],
      );
    }),
  );

  it.effect("hears who has the torrent, but not itself", () =>
    Effect.gen(function* () {
      const { packets, plug, say } = yield* makeNeighbours;
      const { found } = yield* look(yield* plug("10.0.0.1"), ONE, 6881);
      yield* TestClock.adjust("1 second");
      yield* say(encodeLsd(v4, { port: 7000, infoHashes: [ONE.hex], cookie: packets[0]?.cookie ?? "" }));
      assert.deepStrictEqual(found, []);
      yield* say(encodeLsd(v4, { port: 7000, infoHashes: [hashOf(2).hex] }));
      yield* say(new Uint8Array(100));
      yield* say(encodeLsd(v4, { port: 7000, infoHashes: [hashOf(2).hex, ONE.hex], cookie: "other" }));
      assert.deepStrictEqual(found, ["10.0.0.9:7000"]);
    }),
  );

  it.effect("only listens where nobody could reach it", () =>
    Effect.gen(function* () {
      const { packets, plug, say } = yield* makeNeighbours;
      const { found } = yield* look(yield* plug("10.0.0.1"), ONE, undefined);
      yield* TestClock.adjust("10 minutes");
      assert.deepStrictEqual(packets, []);
      yield* say(encodeLsd(v4, { port: 7000, infoHashes: [ONE.hex] }));
      assert.deepStrictEqual(found, ["10.0.0.9:7000"]);
    }),
  );

  it.effect("takes no more addresses than a local network can have, whatever it is told", () =>
    Effect.gen(function* () {
      const { plug, ways } = yield* makeNeighbours;
      const { found } = yield* look(yield* plug("10.0.0.1"), ONE, undefined);
      yield* TestClock.adjust("1 second");
      for (let port = 1; port <= 2_000; port++) {
        yield* Effect.forEach(ways.slice(0, 1), (way) => way.send(encodeLsd(v4, { port, infoHashes: [ONE.hex] })));
        if (port % 50 === 0) yield* TestClock.adjust("1 second");
      }
      assert.strictEqual(new Set(found).size, 500);
    }),
  );

  it.effect("finds two clients for each other", () =>
    Effect.gen(function* () {
      const { plug } = yield* makeNeighbours;
      const first = yield* look(yield* plug("10.0.0.1"), ONE, 6881);
      yield* TestClock.adjust("5 seconds");
      yield* look(yield* plug("10.0.0.2"), ONE, 6882);
      yield* TestClock.adjust("1 second");
      assert.deepStrictEqual(first.found, ["10.0.0.2:6882"]);
    }),
  );

  it.effect("is quiet where there is no multicast", () =>
    Effect.gen(function* () {
      const deaf = Layer.succeed(Multicast, Multicast.of({ join: () => Effect.succeed([]) }));
      const discovery = Context.get(yield* Layer.build(LocalDiscovery.layer.pipe(Layer.provide(deaf))), LocalDiscovery);
      const { found } = yield* look(discovery, ONE, 6881);
      yield* TestClock.adjust("1 hour");
      assert.deepStrictEqual(found, []);
    }),
  );
});
