import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber, Option, Stream } from "effect";
import { TestClock } from "effect/testing";
import * as MemoryNetwork from "../../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { DHT_PORT, infoHashOf, inet, makeDht } from "../../support/dht.ts";

const router = { host: "20.0.0.1", port: DHT_PORT };

/** A DHT of so many nodes on addresses 20.<n>.0.1, all joined through the first. */
const makeNodes = (network: MemoryNetwork.MemoryNetwork, count: number) =>
  Effect.gen(function* () {
    const nodes: Array<Effect.Success<ReturnType<typeof makeDht>>["dht"]> = [];
    for (let i = 0; i < count; i++) {
      const { dht } = yield* makeDht(network, `20.${i}.0.1`, { routers: i === 0 ? [] : [router] });
      nodes.push(dht);
      yield* Effect.forkScoped(dht.announce(infoHashOf(250), { port: 1000 + i, seed: false }));
      yield* TestClock.adjust("1 second");
    }
    return nodes;
  });

describe("Dht network", () => {
  it.effect("finds the peer that another node announced", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make({ latency: "20 millis" });
      const nodes = yield* makeNodes(network, 20);
      for (const node of nodes) assert.isAbove(node.stats().get("IPv4")?.nodes ?? 0, 7);
      const told = yield* Effect.forkChild(
        nodes[3]?.announce(infoHashOf(1), { port: 7000, seed: true }) ?? Effect.succeed(0),
      );
      yield* TestClock.adjust("10 seconds");
      assert.strictEqual(yield* Fiber.join(told), 8);
      const { dht } = yield* makeDht(network, "30.0.0.1", { routers: [router] });
      const first = yield* Effect.forkChild(Stream.runHead(dht.peers(infoHashOf(1))));
      yield* TestClock.adjust("2 seconds");
      assert.deepStrictEqual(yield* Fiber.join(first), Option.some(inet("20.3.0.1:7000")));
    }),
  );
});
