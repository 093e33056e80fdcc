import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber } from "effect";
import { TestClock } from "effect/testing";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { makeFakePeer } from "../support/fakePeer.ts";
import { makeClient, makeFixture, requestOf, watch } from "../support/swarm.ts";

const fixture = makeFixture({ length: 1_000_000, pieceLength: 65_536 });
const peers = [{ host: "10.0.0.1", port: 6881 }];

describe("a request that a peer refuses although it has the piece", () => {
  // transmission 3.00 refuses what goes beyond its queue, and says so as much as 10 s later, when it has answered everything else.
  it.effect("is made again, when there is no other peer and the refusal comes late", () =>
    Effect.gen(function* () {
      const network = yield* Network.make({ latency: "10 millis" });
      let refused: { readonly index: number; readonly begin: number; readonly length: number } | undefined;
      let blocks = 0;
      const peer = yield* makeFakePeer({
        network,
        address: "10.0.0.1",
        fixture,
        hear: (message) => {
          if (message._tag !== "Request" || ++blocks !== 20) return false;
          refused = message;
          return true;
        },
      });
      const client = yield* makeClient({ network, address: "10.0.0.2" });
      const run = yield* watch(client, requestOf(fixture, { peers, noTrackers: true }));
      yield* TestClock.adjust("10 seconds");
      assert.isFalse(run.isComplete());
      assert.isDefined(refused);
      if (refused !== undefined) peer.talks[0]?.say({ ...refused, _tag: "Reject" });
      yield* TestClock.adjust("1 second");
      assert.isTrue(run.isComplete());
      yield* Fiber.join(run.fiber);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});
