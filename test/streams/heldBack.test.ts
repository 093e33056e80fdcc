import { assert, describe, it } from "@effect/vitest";
import { Effect, Layer, Stream } from "effect";
import { TestClock } from "effect/testing";
import type { DownloadEvent } from "../../src/schema/events.ts";
import { Bandwidth } from "../../src/services/Bandwidth.ts";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { download } from "../../src/streams/download.ts";
import { makeFakePeer } from "../support/fakePeer.ts";
import { clientLayer, makeFixture, requestOf } from "../support/swarm.ts";

const SEED = "10.0.0.1";
const fixture = makeFixture({ length: 4_000_000, pieceLength: 65_536 });

/** What a download shows after some seconds that it waits for. */
const waitingAt = (limit: number | undefined) =>
  Effect.gen(function* () {
    const network = yield* Network.make({ latency: "5 millis", bytesPerSecond: 200_000 });
    yield* makeFakePeer({ network, address: SEED, fixture });
    const limits = Bandwidth.layerWith(limit === undefined ? {} : { download: limit });
    const context = yield* Layer.build(Layer.merge(clientLayer({ network, address: "10.0.0.2" }), limits));
    const events: Array<DownloadEvent> = [];
    yield* Stream.runForEach(
      download(requestOf(fixture, { noTrackers: true, peers: [{ host: SEED, port: 6881 }] })),
      (event) => Effect.sync(() => void events.push(event)),
    ).pipe(Effect.provideContext(context), Effect.forkScoped);
    yield* TestClock.adjust("8 seconds");
    const last = events.findLast((event) => event.type === "progress");
    assert.isAbove(last?.downloadRate ?? 0, 0);
    return last?.waiting;
  }).pipe(Effect.provide(MemoryTrackers.layer));

describe("a download that gets on", () => {
  it.effect("shows that its limit holds it back, though bytes come", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* waitingAt(50_000), "the download limit is reached");
    }),
  );

  it.effect("shows nothing where nothing of ours does", () =>
    Effect.gen(function* () {
      assert.isUndefined(yield* waitingAt(undefined));
    }),
  );
});
