import { assert, describe, it } from "@effect/vitest";
import { type Duration, Effect, Fiber, Layer, Stream } from "effect";
import { TestClock } from "effect/testing";
import type { DownloadEvent } from "../../src/schema/events.ts";
import { Bandwidth } from "../../src/services/Bandwidth.ts";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import * as Spoilt from "../../src/services/Storage/middleware.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { download } from "../../src/streams/download.ts";
import { makeFakePeer } from "../support/fakePeer.ts";
import { clientLayer, makeFixture, requestOf } from "../support/swarm.ts";

const SEED = "10.0.0.1";
const fixture = makeFixture({ length: 4_000_000, pieceLength: 65_536 });

/** What a download shows after some seconds that it waits for. */
const waitingAt = (options: {
  readonly limit?: number;
  /** Of the network; the disk's is that of memory, unless a write is delayed. */
  readonly bytesPerSecond: number;
  readonly writing?: Duration.Input;
}) =>
  Effect.gen(function* () {
    const { bytesPerSecond, limit, writing = 0 } = options;
    const network = yield* Network.make({ latency: "5 millis", bytesPerSecond });
    yield* makeFakePeer({ network, address: SEED, fixture });
    const limits = Bandwidth.layerWith(limit === undefined ? {} : { download: limit });
    const context = yield* Layer.build(
      Layer.merge(clientLayer({ network, address: "10.0.0.2", storage: Spoilt.slow(writing) }), limits),
    );
    const events: Array<DownloadEvent> = [];
    const run = yield* Stream.runForEach(
      download(requestOf(fixture, { noTrackers: true, peers: [{ host: SEED, port: 6881 }] })),
      (event) => Effect.sync(() => void events.push(event)),
    ).pipe(Effect.provideContext(context), Effect.forkScoped);
    yield* TestClock.adjust("8 seconds");
    const stopping = yield* Effect.forkChild(Fiber.interrupt(run));
    yield* TestClock.adjust("3 seconds");
    assert.isDefined(stopping.pollUnsafe(), "the stop is over in 3 s, though pieces wait to be written");
    const last = events.findLast((event) => event.type === "progress");
    assert.isAbove(last?.downloadRate ?? 0, 0);
    return last?.waiting;
  }).pipe(Effect.provide(MemoryTrackers.layer));

describe("a download that gets on", () => {
  it.effect("shows that its limit holds it back, though bytes come", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* waitingAt({ limit: 50_000, bytesPerSecond: 200_000 }), "the download limit is reached");
    }),
  );

  it.effect("shows nothing where nothing of ours does", () =>
    Effect.gen(function* () {
      assert.isUndefined(yield* waitingAt({ bytesPerSecond: 200_000 }));
      // Each write takes its time, but the disk has nothing to do in between.
      assert.isUndefined(yield* waitingAt({ bytesPerSecond: 200_000, writing: "300 millis" }));
    }),
  );

  it.effect("shows that its disk holds it back, however many buffers are free", () =>
    Effect.gen(function* () {
      const waiting = yield* waitingAt({ bytesPerSecond: 10_000_000, writing: "700 millis" });
      assert.strictEqual(waiting, "the disk is slower than the network");
    }),
  );
});
