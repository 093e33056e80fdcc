import { assert, describe, it } from "@effect/vitest";
import { Context, Deferred, Effect, Fiber, Layer, Random, Stream } from "effect";
import { TestClock } from "effect/testing";
import type { DownloadEvent } from "../../src/schema/events.ts";
import { Bandwidth } from "../../src/services/Bandwidth.ts";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryDisk } from "../../src/services/Storage/memory.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { download } from "../../src/streams/download.ts";
import { clientLayer, makeClient, makeFixture, makeSeed, requestOf, TRACKER, watch } from "../support/swarm.ts";

const KIB = 1024;

/** One slow seed and five clients that all begin at once; how often the seed sent each byte, and in how many seconds all had it. */
const shareOut = (options: { readonly superSeed: boolean }) =>
  Effect.gen(function* () {
    const fixture = makeFixture({ length: 16 * KIB * KIB, pieceLength: 32 * KIB, tracker: TRACKER });
    const network = yield* Network.make({ latency: "20 millis" });
    const context = yield* Layer.build(clientLayer({ network, address: "10.0.0.1" }));
    yield* Context.get(context, MemoryDisk).put("/d/payload.bin", fixture.bytes);
    let sent = 0;
    const note = (event: DownloadEvent) =>
      Effect.sync(() => {
        if (event.type === "progress") sent = event.uploaded;
      });
    const request = requestOf(fixture, { seed: true, shareOnly: true, superSeed: options.superSeed, port: 6881 });
    yield* Stream.runForEach(download(request), note).pipe(
      Effect.provide(Bandwidth.layerWith({ upload: 512 * KIB })),
      Effect.provideContext(context),
      Effect.forkScoped,
    );
    yield* TestClock.adjust("1 second");
    const clients = yield* Effect.forEach([2, 3, 4, 5, 6], (n) => makeClient({ network, address: `10.0.0.${n}` }));
    const watched = yield* Effect.forEach(clients, (client) =>
      watch(client, requestOf(fixture, { seed: true, port: 6881 })),
    );
    let seconds = 0;
    while (!watched.every((one) => one.isComplete()) && seconds < 600) {
      yield* TestClock.adjust("1 second");
      seconds++;
    }
    for (const client of clients) assert.deepStrictEqual(yield* client.disk.get("/d/payload.bin"), fixture.bytes);
    yield* TestClock.adjust("2 seconds");
    for (const { fiber } of watched) yield* Fiber.interrupt(fiber);
    return { copies: sent / fixture.bytes.length, seconds };
  }).pipe(Random.withSeed(7), Effect.provide(MemoryTrackers.layer));

describe("sharing", () => {
  it.effect("lets each byte leave a slow seed less than 1.5 times for five clients", () =>
    Effect.gen(function* () {
      const { copies, seconds } = yield* shareOut({ superSeed: false });
      assert.isBelow(copies, 1.5);
      assert.isBelow(seconds, 60);
    }),
  );

  it.effect("lets hardly a byte leave it twice when it super-seeds", () =>
    Effect.gen(function* () {
      const { copies, seconds } = yield* shareOut({ superSeed: true });
      assert.isBelow(copies, 1.2);
      assert.isBelow(seconds, 60);
    }),
  );

  const fixture = makeFixture({ length: 300_000, pieceLength: 65_536, tracker: TRACKER });

  it.effect("fetches nothing and writes nothing, and finds the payload itself or in a folder", () =>
    Effect.gen(function* () {
      const network = yield* Network.make({ latency: "10 millis" });
      for (const [n, out] of ["/d", "/d/payload.bin", "payload.bin"].entries()) {
        const client = yield* makeClient({ network, address: `10.0.0.${n + 1}` });
        yield* client.disk.put("/d/payload.bin", fixture.bytes.subarray(0, 200_000));
        const run = yield* watch(client, requestOf(fixture, { out, seed: true, shareOnly: true, port: 6881 }));
        yield* TestClock.adjust("3 seconds");
        const phases = run.events.flatMap((event) => (event.type === "progress" ? [event.phase] : []));
        assert.deepStrictEqual(phases.at(-1), "seeding");
        assert.isTrue(run.events.some((event) => event.type === "warning" && event.code === "seed.incomplete"));
        assert.isFalse(run.isComplete());
        yield* Fiber.interrupt(run.fiber);
        assert.strictEqual((yield* client.disk.get("/d/payload.bin"))?.length, 200_000);
      }
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("has nothing to share where nothing is", () =>
    Effect.gen(function* () {
      const network = yield* Network.make();
      const client = yield* makeClient({ network, address: "10.0.0.1" });
      const request = requestOf(fixture, { out: "/nowhere", seed: true, shareOnly: true });
      const error = yield* Effect.flip(client.run(request));
      assert.propertyVal(error, "code", "storage.nothing-to-share");
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("ends when enough was sent, and when it has lasted long enough", () =>
    Effect.gen(function* () {
      const network = yield* Network.make({ latency: "10 millis" });
      const seed = yield* makeClient({ network, address: "10.0.0.1" });
      yield* seed.disk.put("/d/payload.bin", fixture.bytes);
      const goal = { seed: true, shareOnly: true, port: 6881 };
      const first = yield* watch(seed, requestOf(fixture, { ...goal, seedRatio: 1 }));
      yield* TestClock.adjust("1 hour");
      assert.isUndefined(first.fiber.pollUnsafe());
      const leecher = yield* makeClient({ network, address: "10.0.0.2" });
      yield* Effect.forkChild(leecher.run(requestOf(fixture, { peers: [{ host: "10.0.0.1", port: 6881 }] })));
      yield* TestClock.adjust("20 seconds");
      yield* Fiber.join(first.fiber);
      const second = yield* watch(seed, requestOf(fixture, { ...goal, seedTime: 5_000 }));
      yield* TestClock.adjust("4 seconds");
      assert.isUndefined(second.fiber.pollUnsafe());
      yield* TestClock.adjust("2 seconds");
      yield* Fiber.join(second.fiber);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("tells all that was sent when it ends, by a goal or because it is stopped", () =>
    Effect.gen(function* () {
      for (const how of ["goal", "stop"] as const) {
        const network = yield* Network.make({ latency: "1 millis" });
        const seed = yield* makeClient({ network, address: "10.0.0.1" });
        yield* seed.disk.put("/d/payload.bin", fixture.bytes);
        const stop = yield* Deferred.make<void>();
        const sharing = { seed: true, shareOnly: true, port: 6881, ...(how === "goal" && { seedTime: 5_900 }) };
        const run = yield* Effect.forkChild(
          Stream.runCollect(seed.stream(requestOf(fixture, sharing), Deferred.await(stop))),
        );
        yield* TestClock.adjust("5100 millis");
        const leecher = yield* makeClient({ network, address: "10.0.0.2" });
        const peers = [{ host: "10.0.0.1", port: 6881 }];
        const other = yield* Effect.forkChild(leecher.run(requestOf(fixture, { noTrackers: true, peers })));
        yield* TestClock.adjust("700 millis");
        yield* Fiber.join(other);
        yield* Deferred.succeed(stop, undefined).pipe(Effect.when(Effect.succeed(how === "stop")));
        yield* TestClock.adjust("10 seconds");
        const last = (yield* Fiber.join(run)).findLast((event) => event.type === "progress");
        assert.propertyVal(last, "uploaded", fixture.bytes.length, how);
      }
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("parts from other seeds", () =>
    Effect.gen(function* () {
      const network = yield* Network.make({ latency: "10 millis" });
      yield* makeSeed(fixture, { network, address: "10.0.0.1" });
      const other = yield* makeClient({ network, address: "10.0.0.2" });
      yield* other.disk.put("/d/payload.bin", fixture.bytes);
      const peers = [{ host: "10.0.0.1", port: 6881 }];
      const run = yield* watch(other, requestOf(fixture, { seed: true, noTrackers: true, peers }));
      yield* TestClock.adjust("3 seconds");
      assert.deepStrictEqual(run.peer("10.0.0.1").slice(0, 2), ["connected", "peer.useless"]);
      yield* Fiber.interrupt(run.fiber);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("tells that a piece was lost, and goes on with the rest", () =>
    Effect.gen(function* () {
      const network = yield* Network.make({ latency: "10 millis" });
      const seed = yield* makeSeed(fixture, { network, address: "10.0.0.1" });
      yield* TestClock.adjust("1 second");
      yield* seed.disk.put("/d/payload.bin", fixture.bytes.subarray(0, 250_000));
      const leecher = yield* makeClient({ network, address: "10.0.0.2" });
      const run = yield* watch(leecher, requestOf(fixture, { peers: [{ host: "10.0.0.1", port: 6881 }] }));
      yield* TestClock.adjust("20 seconds");
      const last = run.events.findLast((event) => event.type === "progress");
      assert.strictEqual(last?.type === "progress" ? last.pieces : 0, 3);
      assert.deepStrictEqual(run.peer("10.0.0.1"), ["connected"]);
      yield* Fiber.interrupt(run.fiber);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});
