import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber } from "effect";
import { TestClock } from "effect/testing";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { makeClient, makeFixture, makeSeed, requestOf, TRACKER } from "../support/swarm.ts";

describe("download", () => {
  it.effect("fetches a torrent from a seed that the tracker names", () =>
    Effect.gen(function* () {
      const fixture = makeFixture({ length: 300_000, pieceLength: 65_536, tracker: TRACKER });
      const network = yield* Network.make({ latency: "10 millis" });
      yield* makeSeed(fixture, { network, address: "10.0.0.1" });
      yield* TestClock.adjust("1 second");
      const client = yield* makeClient({ network, address: "10.0.0.2" });
      const fiber = yield* Effect.forkChild(client.run(requestOf(fixture)));
      yield* TestClock.adjust("10 seconds");
      const events = yield* Fiber.join(fiber);
      assert.deepStrictEqual(yield* client.disk.get("/d/payload.bin"), fixture.bytes);
      assert.strictEqual(events.at(-1)?.type, "complete");
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});
