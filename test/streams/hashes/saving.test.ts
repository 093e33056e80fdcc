import { assert, describe, it } from "@effect/vitest";
import { Clock, Effect, Fiber, Stream } from "effect";
import { TestClock } from "effect/testing";
import type { DownloadEvent } from "../../../src/schema/events.ts";
import type { TorrentSource } from "../../../src/streams/request.ts";
import * as Network from "../../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../../src/services/Tracker/memory.ts";
import { makeFakePeer } from "../../support/fakePeer.ts";
import { makeClient, requestOf } from "../../support/swarm.ts";
import { makeTreeFixture, type TreeFixture } from "../../support/trees.ts";
import { CLIENT, FILES, SEED, answering, at, hybrid, magnetOf, options, rightAnswer, v2 } from "./fixtures.ts";

describe("saving a .torrent", () => {
  /** What is told of a torrent, and when, in seconds. */
  const learns = (
    fixture: TreeFixture,
    source: TorrentSource,
    {
      talks = {},
      wants = true,
      ...change
    }: { talks?: Partial<Parameters<typeof makeFakePeer>[0]>; wants?: boolean; timeout?: number },
  ) =>
    Effect.gen(function* () {
      const network = yield* Network.make({ latency: "10 millis" });
      yield* makeFakePeer({ network, address: SEED, fixture, metadata: {}, ...talks });
      const client = yield* makeClient({ network, address: CLIENT });
      let layers: number | undefined;
      let after = 0;
      const start = yield* Clock.currentTimeMillis;
      const run = yield* Effect.forkChild(
        Stream.runCollect(
          client.metadata(requestOf(fixture, { source, peers: at(SEED), noTrackers: true, ...change }), {
            layers: wants,
            learned: (_, pieceLayers) =>
              Effect.map(Clock.currentTimeMillis, (now) => {
                layers = pieceLayers.size;
                after = Math.floor((now - start) / 1000);
              }),
          }),
        ),
      );
      yield* TestClock.adjust("1 minute");
      const events: ReadonlyArray<DownloadEvent> = yield* Fiber.join(run);
      const warnings = events.flatMap((event) => (event.type === "warning" ? [event.code] : []));
      return { layers, after, warnings };
    }).pipe(Effect.provide(MemoryTrackers.layer));

  it.effect("adds the layers to one that has none", () =>
    Effect.gen(function* () {
      const bare = makeTreeFixture(FILES, { ...options, version: "v2", bare: true });
      const source: TorrentSource = { _tag: "Metainfo", metainfo: bare.metainfo };
      const honest = { talks: { hear: answering((range) => rightAnswer(bare, range)) } };
      assert.deepStrictEqual(yield* learns(bare, source, honest), { layers: 3, after: 0, warnings: [] });
    }),
  );

  it.effect("waits half a minute for those of a hybrid whose peers speak v1, and says that they are missing", () =>
    Effect.gen(function* () {
      const told = yield* learns(hybrid, magnetOf(hybrid, "v1"), {});
      assert.deepStrictEqual(told, { layers: 0, after: 30, warnings: ["layers.missing"] });
      const hurried = yield* learns(hybrid, magnetOf(hybrid, "v1"), { timeout: 10_000 });
      assert.deepStrictEqual(hurried, { layers: 0, after: 5, warnings: ["layers.missing"] });
    }),
  );

  it.effect("waits for none where only the names of files are wanted", () =>
    Effect.gen(function* () {
      const told = yield* learns(v2, magnetOf(v2, "v2"), { wants: false });
      assert.deepStrictEqual(told, { layers: 0, after: 0, warnings: [] });
    }),
  );
});
