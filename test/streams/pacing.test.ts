import { assert, describe, it } from "@effect/vitest";
import { Context, Effect, Fiber, Layer, Stream } from "effect";
import { TestClock } from "effect/testing";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { Bandwidth } from "../../src/services/Bandwidth.ts";
import { download } from "../../src/streams/download.ts";
import { MemoryDisk } from "../../src/services/Storage/memory.ts";
import { clientLayer, makeClient, makeFixture, makeSeed, requestOf, watch } from "../support/swarm.ts";

describe("a download under a limit", () => {
  /** Bytes per second that arrive from so many seeds, in so many seconds after the first two. */
  const rateOf = (limit: number, from: { readonly seeds: number; readonly length: number; readonly seconds: number }) =>
    Effect.gen(function* () {
      const fixture = makeFixture({ length: from.length, pieceLength: 65_536 });
      const network = yield* Network.make({ latency: "5 millis" });
      const seeds = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].slice(0, from.seeds);
      for (const address of seeds) yield* makeSeed(fixture, { network, address });
      yield* TestClock.adjust("1 second");
      const request = requestOf(fixture, { peers: seeds.map((host) => ({ host, port: 6881 })) });
      let arrived = 0;
      const fiber = yield* Stream.runForEach(download(request), (event) =>
        Effect.sync(() => {
          if (event.type === "progress") arrived = event.downloaded;
        }),
      ).pipe(
        Effect.provide(
          Bandwidth.layerWith({ download: limit }).pipe(
            Layer.provideMerge(clientLayer({ network, address: "10.0.0.9" })),
          ),
        ),
        Effect.forkChild,
      );
      yield* TestClock.adjust("2 seconds");
      const before = arrived;
      yield* TestClock.adjust(`${from.seconds} seconds`);
      yield* Fiber.interrupt(fiber);
      return (arrived - before) / from.seconds;
    }).pipe(Effect.provide(MemoryTrackers.layer));

  it.effect("keeps to it within 5 % over 10 s and shares it among the peers", () =>
    Effect.gen(function* () {
      const limit = 256 * 1024;
      const rate = yield* rateOf(limit, { seeds: 3, length: 8 * 1024 * 1024, seconds: 10 });
      assert.isTrue(Math.abs(rate - limit) <= limit * 0.05, `${rate} bytes per second at a limit of ${limit}`);
    }),
  );

  it.effect("lets one fast peer have all of it", () =>
    Effect.gen(function* () {
      const limit = 4 * 1024 * 1024;
      const rate = yield* rateOf(limit, { seeds: 1, length: 40 * 1024 * 1024, seconds: 4 });
      assert.isTrue(Math.abs(rate - limit) <= limit * 0.05, `${rate} bytes per second at a limit of ${limit}`);
    }),
  );

  it.effect("sends no faster than the limit on uploads either", () =>
    Effect.gen(function* () {
      const limit = 200 * 1024;
      const fixture = makeFixture({ length: 4 * 1024 * 1024, pieceLength: 65_536 });
      const network = yield* Network.make({ latency: "5 millis" });
      const context = yield* Layer.build(clientLayer({ network, address: "10.0.0.1" }));
      yield* Context.get(context, MemoryDisk).put("/d/payload.bin", fixture.bytes);
      yield* Stream.runDrain(download(requestOf(fixture, { seed: true, port: 6881 }))).pipe(
        Effect.provide(Bandwidth.layerWith({ upload: limit })),
        Effect.provideContext(context),
        Effect.forkScoped,
      );
      yield* TestClock.adjust("1 second");
      const clients = yield* Effect.forEach(["10.0.0.2", "10.0.0.3"], (address) => makeClient({ network, address }));
      const watched = yield* Effect.forEach(clients, (client) =>
        watch(client, requestOf(fixture, { noPex: true, noLsd: true, peers: [{ host: "10.0.0.1", port: 6881 }] })),
      );
      const arrived = (): number =>
        watched.reduce((sum, { events }) => {
          const last = events.findLast((event) => event.type === "progress");
          return sum + (last?.type === "progress" ? last.downloaded : 0);
        }, 0);
      yield* TestClock.adjust("3 seconds");
      const before = arrived();
      yield* TestClock.adjust("10 seconds");
      const rate = (arrived() - before) / 10;
      assert.isTrue(Math.abs(rate - limit) <= limit * 0.05, `${rate} bytes per second at a limit of ${limit}`);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});
