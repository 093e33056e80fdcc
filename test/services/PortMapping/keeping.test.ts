import { assert, describe, it } from "@effect/vitest";
import { Context, Effect, Fiber, Layer, Option } from "effect";
import { TestClock } from "effect/testing";
import { Datagrams } from "../../../src/services/Datagrams/Datagrams.ts";
import * as MemoryNetwork from "../../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { makeKeeping } from "../../../src/services/PortMapping/keeping.ts";
import { PortMapping } from "../../../src/services/PortMapping/PortMapping.ts";
import type { Surroundings } from "../../../src/services/PortMapping/surroundings.ts";
import * as SecureRandom from "../../../src/services/SecureRandom/seeded.ts";
import { type Gateway, type GatewayOptions, makeGateway } from "../../support/gateway.ts";

/** A client at 10.0.0.2, its UDP port 7000, and a router. */
const world = (options: GatewayOptions, change: Partial<Surroundings> = {}) =>
  Effect.gen(function* () {
    const network = yield* MemoryNetwork.make();
    const gateway = yield* makeGateway(network, options);
    const context = yield* Layer.build(
      PortMapping.layerOver(makeKeeping({ ...gateway.surroundings, ...change })).pipe(
        Layer.provideMerge(network.host("10.0.0.2", { udpPort: 7000 })),
        Layer.provide(SecureRandom.layer),
      ),
    );
    return { gateway, ...Context.get(context, PortMapping), datagrams: Context.get(context, Datagrams) };
  });

const held = (gateway: Gateway): ReadonlyArray<string> =>
  [...gateway.table].map(([key, external]) => `${key} ${external}`).sort();

const BOTH = ["TCP 6881 6881", "UDP 7000 7000"];

describe("keeping", () => {
  for (const protocol of ["PCP", "NAT-PMP", "UPnP"] as const) {
    describe(`by ${protocol}`, () => {
      it.effect("maps both ports after a second, renews them, and deletes them when nobody wants them", () =>
        Effect.gen(function* () {
          const { gateway, hold } = yield* world({ protocol });
          const fiber = yield* Effect.forkChild(hold(6881));
          yield* TestClock.adjust("900 millis");
          assert.deepStrictEqual(gateway.asked, []);
          yield* TestClock.adjust("20 seconds");
          assert.deepStrictEqual(held(gateway), BOTH);
          assert.lengthOf(gateway.asked, 2);
          yield* TestClock.adjust("29 minutes");
          assert.lengthOf(gateway.asked, 2);
          yield* TestClock.adjust("1 minute");
          assert.deepStrictEqual(gateway.asked, ["map TCP 6881", "map UDP 7000", "map TCP 6881", "map UDP 7000"]);
          yield* Fiber.interrupt(fiber);
          yield* TestClock.adjust("100 millis");
          assert.deepStrictEqual(held(gateway), []);
        }),
      );

      it.effect("leaves what another download still wants", () =>
        Effect.gen(function* () {
          const { gateway, hold } = yield* world({ protocol });
          const first = yield* Effect.forkChild(hold(6881));
          const second = yield* Effect.forkChild(hold(6882));
          yield* TestClock.adjust("20 seconds");
          assert.deepStrictEqual(held(gateway), ["TCP 6881 6881", "TCP 6882 6882", "UDP 7000 7000"]);
          yield* Fiber.interrupt(first);
          yield* TestClock.adjust("1 second");
          assert.deepStrictEqual(held(gateway), ["TCP 6882 6882", "UDP 7000 7000"]);
          yield* Fiber.interrupt(second);
          yield* TestClock.adjust("1 second");
          assert.deepStrictEqual(held(gateway), []);
        }),
      );

      it.effect("looks again when the router is gone, and finds it when it is back", () =>
        Effect.gen(function* () {
          const { gateway, hold } = yield* world({ protocol });
          yield* Effect.forkChild(hold(6881));
          yield* TestClock.adjust("20 seconds");
          gateway.dead = true;
          gateway.table.clear();
          yield* TestClock.adjust("31 minutes");
          assert.deepStrictEqual(held(gateway), []);
          gateway.dead = false;
          yield* TestClock.adjust("2 minutes");
          assert.deepStrictEqual(held(gateway), BOTH);
        }),
      );

      it.effect("ends within a second though the router has gone silent", () =>
        Effect.gen(function* () {
          const network = yield* MemoryNetwork.make();
          const gateway = yield* makeGateway(network, { protocol });
          const keep = yield* makeKeeping(gateway.surroundings).pipe(
            Effect.provide([Layer.succeedContext(yield* Layer.build(network.host("10.0.0.2"))), SecureRandom.layer]),
          );
          const keeping = yield* Effect.forkChild(keep(6881, () => {}));
          yield* TestClock.adjust("20 seconds");
          gateway.dead = true;
          const ended = yield* Effect.forkChild(Fiber.interrupt(keeping));
          yield* TestClock.adjust("1 second");
          assert.isDefined(ended.pollUnsafe());
        }),
      );
    });
  }

  it.effect("tries all protocols where one refuses, and has nothing where all do", () =>
    Effect.gen(function* () {
      const { gateway, hold } = yield* world({ protocol: "PCP", refuse: () => 2 });
      yield* Effect.forkChild(hold(6881));
      yield* TestClock.adjust("20 minutes");
      assert.deepStrictEqual(held(gateway), []);
    }),
  );

  for (const protocol of ["PCP", "NAT-PMP"] as const) {
    it.effect(`${protocol}: notices within five minutes that the router was restarted`, () =>
      Effect.gen(function* () {
        const { gateway, hold } = yield* world({ protocol });
        yield* Effect.forkChild(hold(6881));
        yield* TestClock.adjust("6 minutes");
        yield* gateway.restart;
        assert.deepStrictEqual(held(gateway), []);
        yield* TestClock.adjust("5 minutes");
        assert.deepStrictEqual(held(gateway), BOTH);
        assert.lengthOf(gateway.asked, 4);
      }),
    );

    it.effect(`${protocol}: renews at half of a short lease, but not faster than once a minute`, () =>
      Effect.gen(function* () {
        const { gateway, hold } = yield* world({ protocol, lease: 1 });
        yield* Effect.forkChild(hold(6881));
        yield* TestClock.adjust("10 minutes");
        assert.isAtMost(gateway.asked.length, 22);
        assert.isAtLeast(gateway.asked.length, 18);
      }),
    );

    it.effect(`${protocol}: keeps one mapping where the other is refused`, () =>
      Effect.gen(function* () {
        const { gateway, hold } = yield* world({ protocol, refuse: (kind) => (kind === "UDP" ? 2 : 0) });
        yield* Effect.forkChild(hold(6881));
        yield* TestClock.adjust("10 seconds");
        assert.deepStrictEqual(held(gateway), ["TCP 6881 6881"]);
      }),
    );
  }

  it.effect("UPnP: takes another port where ours is another's, the same for TCP and UDP", () =>
    Effect.gen(function* () {
      const { gateway, hold } = yield* world({
        protocol: "UPnP",
        refuse: (_kind, external) => (external === 7000 ? 718 : 0),
      });
      const fiber = yield* Effect.forkChild(hold(7000));
      yield* TestClock.adjust("20 seconds");
      const [tcp, udp] = [gateway.table.get("TCP 7000"), gateway.table.get("UDP 7000")];
      assert.isAtLeast(tcp ?? 0, 49_152);
      assert.strictEqual(tcp, udp);
      yield* Fiber.interrupt(fiber);
      yield* TestClock.adjust("1 second");
      assert.deepStrictEqual(held(gateway), []);
    }),
  );

  it.effect("UPnP: gives up after a few ports", () =>
    Effect.gen(function* () {
      const { gateway, hold } = yield* world({ protocol: "UPnP", refuse: () => 718 });
      yield* Effect.forkChild(hold(6881));
      yield* TestClock.adjust("30 seconds");
      assert.deepStrictEqual(held(gateway), []);
      assert.lengthOf(gateway.asked, 10);
    }),
  );

  it.effect("UPnP: takes a permanent mapping where there are no others, and deletes it", () =>
    Effect.gen(function* () {
      const { gateway, hold } = yield* world({
        protocol: "UPnP",
        refuse: (_kind, _external, lease) => (lease === 0 ? 0 : 725),
      });
      const fiber = yield* Effect.forkChild(hold(6881));
      yield* TestClock.adjust("20 seconds");
      assert.deepStrictEqual(held(gateway), BOTH);
      yield* Fiber.interrupt(fiber);
      yield* TestClock.adjust("1 second");
      assert.deepStrictEqual(held(gateway), []);
    }),
  );

  it.effect("UPnP: asks no device that is not the gateway, unless the gateway is unknown to the system", () =>
    Effect.gen(function* () {
      const unknown = { gateway: Effect.succeedNone };
      const wary = yield* world({ protocol: "UPnP" }, unknown);
      yield* Effect.forkChild(wary.hold(6881));
      yield* TestClock.adjust("20 seconds");
      assert.deepStrictEqual(wary.gateway.asked, []);
      const trusting = yield* world({ protocol: "UPnP" }, { ...unknown, trusting: true });
      yield* Effect.forkChild(trusting.hold(6881));
      yield* TestClock.adjust("20 seconds");
      assert.deepStrictEqual(held(trusting.gateway), BOTH);
    }),
  );

  it.effect("stops asking where nobody answers", () =>
    Effect.gen(function* () {
      let asked = 0;
      const { gateway, hold } = yield* world(
        { protocol: "PCP" },
        { gateway: Effect.sync(() => (asked++, Option.none())) },
      );
      yield* Effect.forkChild(hold(6881));
      yield* TestClock.adjust("1 hour");
      assert.strictEqual(asked, 3);
      assert.deepStrictEqual(gateway.asked, []);
    }),
  );
});
