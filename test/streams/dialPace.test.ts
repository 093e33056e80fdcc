import { assert, describe, it } from "@effect/vitest";
import { Clock, Duration, Effect, Fiber, Layer } from "effect";
import { NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import { TransportError } from "../../src/schema/errors/TransportError.ts";
import { defaultPeerSettings } from "../../src/schema/settings.ts";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { monotonicMillis } from "../../src/services/time.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { Transport } from "../../src/services/Transport/Transport.ts";
import { makeDialPace } from "../../src/streams/dialPace.ts";
import { makeClient, makeFixture, makeSeed, requestOf, watch } from "../support/swarm.ts";

describe("dialPace", () => {
  it.effect("lets a few go at once, and never more than so many begin within any second", () =>
    Effect.gen(function* () {
      const clock = yield* Clock.Clock;
      const turn = yield* makeDialPace(3);
      const begun: Array<number> = [];
      const dial = Effect.andThen(
        turn,
        Effect.sync(() => void begun.push(monotonicMillis(clock))),
      );
      const fiber = yield* Effect.forkChild(Effect.replicateEffect(dial, 5, { concurrency: "unbounded" }));
      yield* TestClock.adjust("400 millis");
      yield* Effect.forkChild(dial);
      yield* TestClock.adjust("5 seconds");
      yield* Fiber.join(fiber);
      assert.deepStrictEqual(begun, [0, 0, 0, 1_000, 1_000, 1_000]);
      yield* dial;
      assert.strictEqual(begun.at(-1), 5_400);
    }),
  );
});

describe("a download with many addresses that refuse", () => {
  it.effect("dials each, but no more of them a second than the settings allow", () =>
    Effect.gen(function* () {
      const dialled: Array<number> = [];
      const refusing = Layer.effect(
        Transport,
        Effect.gen(function* () {
          const clock = yield* Clock.Clock;
          return Transport.of({
            ...(yield* Transport),
            dial: (address) =>
              Effect.suspend(() => {
                dialled.push(monotonicMillis(clock));
                const reason = { _tag: "Refused" } as const;
                return Effect.fail(new TransportError({ address: NetAddress.formatInet(address), reason }));
              }),
          });
        }),
      );
      const network = yield* Network.make();
      const client = yield* makeClient({ network, address: "10.0.0.2", transport: refusing });
      const fixture = makeFixture({ length: 65_536, pieceLength: 16_384 });
      const peers = Array.from({ length: 100 }, (_, index) => ({ host: `10.0.1.${index + 1}`, port: 6881 }));
      const run = yield* watch(client, requestOf(fixture, { peers, noTrackers: true }));
      yield* TestClock.adjust("9 seconds");
      yield* Fiber.interrupt(run.fiber);
      assert.isAtLeast(dialled.length, 100);
      const { dialsPerSecond } = defaultPeerSettings;
      for (const [at, begun] of dialled.entries())
        assert.isAtLeast((dialled[at + dialsPerSecond] ?? Infinity) - begun, 1_000);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});

describe("a download with many addresses that do not answer", () => {
  it.effect("gets to the one behind 120 of them within a minute", () =>
    Effect.gen(function* () {
      const network = yield* Network.make();
      const fixture = makeFixture({ length: 65_536, pieceLength: 16_384 });
      yield* makeSeed(fixture, { network, address: "10.0.0.1" }, { noTrackers: true });
      const silent = Layer.effect(
        Transport,
        Effect.map(Transport, (transport) =>
          Transport.of({
            ...transport,
            dial: (address, options) => {
              const text = NetAddress.formatInet(address);
              if (!text.startsWith("10.0.1.")) return transport.dial(address, options);
              const afterMillis = Duration.toMillis(Duration.fromInputUnsafe(options.timeout));
              const error = new TransportError({ address: text, reason: { _tag: "TimedOut", afterMillis } });
              return Effect.delay(Effect.fail(error), options.timeout);
            },
          }),
        ),
      );
      const client = yield* makeClient({ network, address: "10.0.0.2", transport: silent });
      const dead = Array.from({ length: 120 }, (_, index) => ({ host: `10.0.1.${index + 1}`, port: 6881 }));
      const peers = [...dead, { host: "10.0.0.1", port: 6881 }];
      const run = yield* watch(client, requestOf(fixture, { peers, noTrackers: true }));
      yield* TestClock.adjust("1 minute");
      yield* Fiber.interrupt(run.fiber);
      assert.isTrue(run.isComplete());
      assert.deepStrictEqual(run.peer("10.0.1.1").slice(0, 1), ["transport.timed-out"]);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});
