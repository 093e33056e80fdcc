import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber, Random } from "effect";
import { TestClock } from "effect/testing";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { makeFakePeer } from "../support/fakePeer.ts";
import { makeClient, makeFixture, makeSeed, requestOf, TRACKER, watch } from "../support/swarm.ts";

const PAYLOAD = "/d/payload.bin";
const CLIENT = "10.0.0.2";

describe("a swarm of clients", () => {
  it.effect("completes from one seed, and its leechers give to each other", () =>
    Effect.gen(function* () {
      const fixture = makeFixture({ length: 3_000_000, pieceLength: 65_536, tracker: TRACKER });
      const network = yield* Network.make({ latency: "10 millis", bytesPerSecond: 200_000 });
      yield* makeSeed(fixture, { network, address: "10.0.0.1" });
      yield* TestClock.adjust("1 second");
      const addresses = ["10.0.0.2", "10.0.0.3", "10.0.0.4"];
      const runs = yield* Effect.forEach(addresses, (address) =>
        Effect.gen(function* () {
          const client = yield* makeClient({ network, address });
          const run = yield* watch(client, requestOf(fixture, { port: 6881, seed: true }));
          return { client, run };
        }),
      );
      yield* TestClock.adjust("60 seconds");
      for (const { client, run } of runs) {
        const end = run.events.find((event) => event.type === "complete");
        assert.isAbove(end?.uploaded ?? 0, 0);
        assert.deepStrictEqual(yield* client.disk.get(PAYLOAD), fixture.bytes);
        yield* Fiber.interrupt(run.fiber);
      }
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  // The larger peer id wins, so several seeds.
  for (const [latency, seed] of [0, 1, 30].flatMap((latency) => [1, 2, 3, 4].map((seed) => [latency, seed] as const))) {
    it.effect(`keeps one connection of two that were dialled at once, at ${latency} ms (seed ${seed})`, () =>
      Effect.gen(function* () {
        const fixture = makeFixture({ length: 2_000_000, pieceLength: 65_536, tracker: TRACKER });
        const network = yield* Network.make({ latency, bytesPerSecond: 100_000 });
        const addresses = ["10.0.0.2", "10.0.0.3"];
        const runs = yield* Effect.forEach(addresses, (address) =>
          Effect.gen(function* () {
            const client = yield* makeClient({ network, address });
            const peers = addresses.map((host) => ({ host, port: 6881 }));
            return yield* watch(client, requestOf(fixture, { port: 6881, peers, noTrackers: true }));
          }),
        );
        yield* TestClock.adjust("20 seconds");
        for (const { events, fiber } of runs) {
          const progress = events.findLast((event) => event.type === "progress");
          assert.strictEqual(progress?.peers, 1);
          yield* Fiber.interrupt(fiber);
        }
      }).pipe(Random.withSeed(seed), Effect.provide(MemoryTrackers.layer)),
    );
  }

  it.effect("takes peers in that connect, as far as there is room", () =>
    Effect.gen(function* () {
      const fixture = makeFixture({ length: 500_000, pieceLength: 65_536 });
      const network = yield* Network.make({ latency: "10 millis", bytesPerSecond: 20_000 });
      const client = yield* makeClient({ network, address: CLIENT });
      const peers = [{ host: "10.9.9.9", port: 1 }];
      const run = yield* watch(client, requestOf(fixture, { port: 6881, peers, noTrackers: true, maxPeers: 2 }));
      yield* TestClock.adjust("1 second");
      const fakes = yield* Effect.forEach(["10.0.0.3", "10.0.0.4", "10.0.0.5"], (address) =>
        makeFakePeer({ network, address, fixture }),
      );
      for (const fake of fakes) yield* Effect.forkScoped(fake.dial(`${CLIENT}:6881`));
      yield* TestClock.adjust("1 second");
      assert.strictEqual(fakes.filter(({ talks }) => talks.length > 0).length, 2);
      yield* TestClock.adjust("30 seconds");
      assert.isTrue(run.isComplete());
      yield* Fiber.interrupt(run.fiber);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("wastes less than 2 % when a slow peer and a fast one share the end", () =>
    Effect.gen(function* () {
      const fixture = makeFixture({ length: 16_000_000, pieceLength: 262_144 });
      const network = yield* Network.make({ latency: "10 millis" });
      const [fast, slow] = ["10.0.0.1", "10.0.0.3"];
      yield* network.link(CLIENT, slow, { bytesPerSecond: 60_000 });
      yield* network.link(CLIENT, fast, { bytesPerSecond: 2_000_000 });
      let sent = 0;
      for (const address of [fast, slow])
        yield* makeFakePeer({
          network,
          address,
          fixture,
          hear: (message) => {
            if (message._tag === "Request") sent += message.length;
            if (message._tag === "Cancel") sent -= message.length;
          },
        });
      const client = yield* makeClient({ network, address: CLIENT });
      const peers = [slow, fast].map((host) => ({ host, port: 6881 }));
      const run = yield* watch(client, requestOf(fixture, { peers, noTrackers: true }));
      yield* TestClock.adjust("20 seconds");
      const end = run.events.find((event) => event.type === "complete");
      assert.isDefined(end);
      assert.isBelow(end.seconds, 11);
      assert.isBelow(sent, 16_000_000 * 1.02);
      yield* Fiber.join(run.fiber);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});
