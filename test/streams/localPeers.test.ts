import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber } from "effect";
import { TestClock } from "effect/testing";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { makeClient, makeFixture, makeSeed, requestOf, watch } from "../support/swarm.ts";

const fixture = makeFixture({ length: 1_000_000, pieceLength: 32_768 });

describe("local peers", () => {
  it.effect("are all that a swarm of three needs", () =>
    Effect.gen(function* () {
      const network = yield* Network.make({ latency: "1 millis" });
      yield* makeSeed(fixture, { network, address: "10.0.0.1", lsd: true });
      const requests = requestOf(fixture, { noTrackers: true, noPex: true, port: 6881 });
      const second = yield* makeClient({ network, address: "10.0.0.2", lsd: true });
      const third = yield* makeClient({ network, address: "10.0.0.3", lsd: true });
      yield* TestClock.adjust("10 seconds");
      const runs = [yield* watch(second, requests), yield* watch(third, requests)];
      yield* TestClock.adjust("20 seconds");
      for (const run of runs) {
        yield* Fiber.join(run.fiber);
        assert.isTrue(run.isComplete());
        assert.include(run.peer("10.0.0.1"), "connected");
      }
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("are not looked for with noLsd: with nobody else to ask, that is the end", () =>
    Effect.gen(function* () {
      const network = yield* Network.make();
      const client = yield* makeClient({ network, address: "10.0.0.2", lsd: true });
      const error = yield* Effect.flip(client.run(requestOf(fixture, { noTrackers: true, noLsd: true })));
      assert.propertyVal(error, "code", "stalled.nothing-to-ask");
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});
