import { assert, describe, it } from "@effect/vitest";
import { Context, Effect, Fiber, Layer } from "effect";
import { TestClock } from "effect/testing";
import * as MemoryNetwork from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { makeKeeping } from "../../src/services/PortMapping/keeping.ts";
import { PortMapping } from "../../src/services/PortMapping/PortMapping.ts";
import * as SecureRandom from "../../src/services/SecureRandom/seeded.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { makeGateway } from "../support/gateway.ts";
import { makeClient, makeFixture, requestOf, TRACKER, watch } from "../support/swarm.ts";

const fixture = makeFixture({ length: 100_000, pieceLength: 16_384, tracker: TRACKER });

/** A download that finds nobody, behind a router that maps ports. */
const world = Effect.gen(function* () {
  const network = yield* MemoryNetwork.make();
  const gateway = yield* makeGateway(network, { protocol: "NAT-PMP" });
  const mapping = yield* Layer.build(
    PortMapping.layerOver(makeKeeping(gateway.surroundings)).pipe(
      Layer.provide([network.host("10.0.0.2", { udpPort: 7000 }), SecureRandom.layer]),
    ),
  );
  const client = yield* makeClient({
    network,
    address: "10.0.0.3",
    mapping: Layer.succeed(PortMapping, Context.get(mapping, PortMapping)),
  });
  return { gateway, download: yield* watch(client, requestOf(fixture, { port: 6881 })) };
});

describe("session, port mapping", () => {
  it.effect("has its port mapped as long as it runs, and tells nobody", () =>
    Effect.gen(function* () {
      const { download, gateway } = yield* world;
      yield* TestClock.adjust("10 seconds");
      assert.deepStrictEqual([...gateway.table.keys()], ["TCP 6881", "UDP 7000"]);
      assert.notInclude(
        download.events.map(({ type }) => type),
        "warning",
      );
      const stopped = yield* Effect.forkChild(Fiber.interrupt(download.fiber));
      yield* TestClock.adjust("1 second");
      assert.isDefined(stopped.pollUnsafe());
      assert.deepStrictEqual([...gateway.table.keys()], []);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("asks no router within its first second", () =>
    Effect.gen(function* () {
      const { gateway } = yield* world;
      yield* TestClock.adjust("900 millis");
      assert.deepStrictEqual([...gateway.table.keys()], []);
      yield* TestClock.adjust("10 seconds");
      assert.deepStrictEqual([...gateway.table.keys()], ["TCP 6881", "UDP 7000"]);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("ends no later though the router has gone silent", () =>
    Effect.gen(function* () {
      const { download, gateway } = yield* world;
      yield* TestClock.adjust("10 seconds");
      gateway.dead = true;
      const stopped = yield* Effect.forkChild(Fiber.interrupt(download.fiber));
      yield* TestClock.adjust("100 millis");
      assert.isDefined(stopped.pollUnsafe());
      // the layer waits for the router, for a second at the most
      yield* TestClock.adjust("1 second");
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});
