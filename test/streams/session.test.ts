import { assert, describe, it } from "@effect/vitest";
import { Cause, Effect, Exit, Fiber } from "effect";
import { TestClock } from "effect/testing";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import * as StorageFaults from "../../src/services/Storage/middleware.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { makeClient, makeFixture, requestOf, TRACKER, watch } from "../support/swarm.ts";

const fixture = makeFixture({ length: 300_000, pieceLength: 65_536, tracker: TRACKER });

/** What a run ended with. */
const failureOf = (exit: Exit.Exit<unknown, unknown>): unknown =>
  Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined;

describe("session", () => {
  it.effect("ends with a bug in the announcing, rather than going on without trackers", () =>
    Effect.gen(function* () {
      const bug = new Error("a bug");
      const trackers = yield* MemoryTrackers;
      yield* trackers.script(TRACKER, () => {
        throw bug;
      });
      const client = yield* makeClient({ network: yield* Network.make({}), address: "10.0.0.2" });
      const { fiber } = yield* watch(client, requestOf(fixture));
      yield* TestClock.adjust("5 seconds");
      assert.strictEqual(failureOf(yield* Fiber.await(fiber)), bug);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("ends with a bug in the serving", () =>
    Effect.gen(function* () {
      const bug = new Error("a bug");
      let isBroken = false;
      const storage = StorageFaults.around((output) => ({
        ...output,
        read: (offset, into) => (isBroken ? Effect.die(bug) : output.read(offset, into)),
      }));
      const network = yield* Network.make({});
      const seed = yield* makeClient({ network, address: "10.0.0.1", storage });
      yield* seed.disk.put("/d/payload.bin", fixture.bytes);
      const { fiber } = yield* watch(seed, requestOf(fixture, { seed: true, port: 6881 }));
      yield* TestClock.adjust("1 second");
      isBroken = true;
      const leecher = yield* makeClient({ network, address: "10.0.0.2" });
      yield* watch(leecher, requestOf(fixture));
      yield* TestClock.adjust("30 seconds");
      assert.strictEqual(failureOf(yield* Fiber.await(fiber)), bug);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});
