import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber, Stream } from "effect";
import { TestClock } from "effect/testing";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { type Client, type ClientOptions, makeClient, requestOf, TRACKER } from "../support/swarm.ts";
import { makeTreeFixture, type TreeFixture } from "../support/trees.ts";

const PIECE = 65_536;
const FILES = [
  ["a", 3 * PIECE + 20_000],
  ["b", 0],
  ["c", 5],
  ["d", PIECE],
  ["e", 40_000],
  ["f", 2 * PIECE + 16_384],
] as const;

/** Writes the files of a fixture to a client's disk. */
const fill = (client: Client, { content }: TreeFixture) =>
  Effect.forEach(content, ([name, bytes]) => client.disk.put(`/d/many/${name}`, bytes), { discard: true });

/** A client that has and shares all of the fixture as long as the test. */
const makeTreeSeed = (fixture: TreeFixture, options: ClientOptions) =>
  Effect.gen(function* () {
    const client = yield* makeClient(options);
    yield* fill(client, fixture);
    yield* Stream.runDrain(client.stream(requestOf(fixture, { seed: true, port: 6881 }))).pipe(
      Effect.tapCause((cause) => Effect.logError("the seed ended", cause)),
      Effect.forkScoped,
    );
  });

const assertWhole = (client: Client, { content }: TreeFixture) =>
  Effect.forEach(content, ([name, bytes]) =>
    Effect.map(client.disk.get(`/d/many/${name}`), (found) => assert.deepStrictEqual(found, bytes, name)),
  );

for (const version of ["v2", "hybrid"] as const) {
  const fixture = makeTreeFixture(FILES, { version, pieceLength: PIECE, tracker: TRACKER });
  describe(`a ${version} torrent`, () => {
    it.effect("is fetched from a seed, files shorter than a piece and empty ones too", () =>
      Effect.gen(function* () {
        const network = yield* Network.make({ latency: "10 millis" });
        yield* makeTreeSeed(fixture, { network, address: "10.0.0.1" });
        yield* TestClock.adjust("1 second");
        const client = yield* makeClient({ network, address: "10.0.0.2" });
        const fiber = yield* Effect.forkChild(client.run(requestOf(fixture)));
        yield* TestClock.adjust("20 seconds");
        const events = yield* Fiber.join(fiber);
        yield* assertWhole(client, fixture);
        assert.strictEqual(events.at(-1)?.type, "complete");
      }).pipe(Effect.provide(MemoryTrackers.layer)),
    );
  });
}
