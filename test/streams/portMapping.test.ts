import { assert, describe, it } from "@effect/vitest";
import { Context, Effect, Fiber, Layer, Result } from "effect";
import { TestClock } from "effect/testing";
import { decodeExtensionHandshake } from "../../src/schema/extension.ts";
import * as MemoryNetwork from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { makeKeeping } from "../../src/services/PortMapping/keeping.ts";
import { PortMapping } from "../../src/services/PortMapping/PortMapping.ts";
import * as SecureRandom from "../../src/services/SecureRandom/seeded.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { makeFakePeer } from "../support/fakePeer.ts";
import { type GatewayOptions, makeGateway } from "../support/gateway.ts";
import { makeClient, makeFixture, requestOf, TRACKER, watch } from "../support/swarm.ts";

const fixture = makeFixture({ length: 100_000, pieceLength: 16_384, tracker: TRACKER });

/** A download that finds nobody, behind a router that maps ports. */
const makeWorld = Effect.fnUntraced(function* (options: Pick<GatewayOptions, "external"> = {}) {
  const network = yield* MemoryNetwork.make();
  const gateway = yield* makeGateway(network, { protocol: "NAT-PMP", ...options });
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
  return { network, gateway, download: yield* watch(client, requestOf(fixture, { port: 6881 })) };
});
const world = makeWorld();

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

  it.effect("tells trackers and peers the port that the router passes on, as soon as they may be told", () =>
    Effect.gen(function* () {
      const { download, network } = yield* makeWorld({ external: (wished) => (wished === 6881 ? 40_000 : wished) });
      yield* TestClock.adjust("50 seconds");
      const trackers = yield* MemoryTrackers;
      const told = Effect.map(trackers.arrivals, (all) => all.map(({ request }) => [request.event, request.port]));
      assert.deepStrictEqual(yield* told, [["started", 6881]]);
      yield* TestClock.adjust("20 seconds");
      assert.deepStrictEqual(yield* told, [
        ["started", 6881],
        ["none", 40_000],
      ]);
      const fake = yield* makeFakePeer({ network, address: "10.0.0.9", fixture, extension: true });
      yield* Effect.forkScoped(fake.dial("10.0.0.3:6881"));
      yield* TestClock.adjust("1 second");
      const greeting = fake.talks[0]?.heard.find((message) => message._tag === "Extended" && message.id === 0);
      assert.strictEqual(
        greeting?._tag === "Extended" && Result.getOrThrow(decodeExtensionHandshake(greeting.payload)).port,
        40_000,
      );
      yield* Fiber.interrupt(download.fiber);
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
