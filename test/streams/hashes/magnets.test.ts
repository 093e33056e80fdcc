import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber, Result, Stream } from "effect";
import { TestClock } from "effect/testing";
import type { DownloadEvent } from "../../../src/schema/events.ts";
import { encodeMetainfo } from "../../../src/schema/metainfo/write.ts";
import { parseMetainfo } from "../../../src/schema/metainfo/parse.ts";
import type { TorrentSource } from "../../../src/streams/request.ts";
import * as Network from "../../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../../src/services/Tracker/memory.ts";
import { digests } from "../../support/digests.ts";
import { makeFakePeer } from "../../support/fakePeer.ts";
import { makeClient, requestOf, watch } from "../../support/swarm.ts";
import { assertTree } from "../../support/treeSwarm.ts";
import {
  CLIENT,
  OTHER,
  SEED,
  answering,
  asked,
  at,
  fetches,
  hybrid,
  magnetOf,
  makeQuietSeed,
  rightAnswer,
  size,
  v2,
} from "./fixtures.ts";

describe("a magnet link of v2", () => {
  it.effect("fetches metadata, then the hashes of pieces, then the pieces, none twice", () =>
    Effect.gen(function* () {
      const run = yield* fetches(v2, magnetOf(v2, "v2"));
      assert.isTrue(run.isComplete());
      const last = run.events.findLast((event) => event.type === "progress");
      assert.strictEqual(last?.downloaded, size);
    }),
  );

  it.effect("of a hybrid is fetched by either hash or both", () =>
    Effect.gen(function* () {
      for (const versions of [["v1"], ["v2"], ["v1", "v2"]] as const)
        yield* fetches(hybrid, magnetOf(hybrid, ...versions));
    }),
  );

  it.effect("ends where its two hashes are those of two torrents", () =>
    Effect.gen(function* () {
      const network = yield* Network.make({ latency: "10 millis" });
      // One that goes on with v1.
      yield* makeFakePeer({ network, address: SEED, fixture: hybrid, metadata: {} });
      const client = yield* makeClient({ network, address: CLIENT });
      const good = magnetOf(hybrid, "v1");
      const source: TorrentSource = {
        _tag: "Magnet",
        magnet: { ...(good._tag === "Magnet" ? good.magnet : assert.fail()), infoHashV2: "ab".repeat(32) },
      };
      const run = yield* watch(client, requestOf(hybrid, { source, peers: at(SEED), noTrackers: true }));
      yield* TestClock.adjust("20 seconds");
      const exit = yield* Fiber.await(run.fiber);
      assert.include(JSON.stringify(exit), "TwoTorrents");
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("saves a .torrent with the layers, fetching nothing else", () =>
    Effect.gen(function* () {
      for (const [fixture, versions] of [
        [v2, ["v2"]],
        [hybrid, ["v1", "v2"]],
        // Met by v1's hash, and again by v2's once it is known.
        [hybrid, ["v1"]],
      ] as const) {
        const network = yield* Network.make({ latency: "10 millis" });
        yield* makeQuietSeed(fixture, { network, address: SEED });
        const client = yield* makeClient({ network, address: CLIENT });
        const source = magnetOf(fixture, ...versions);
        let torrent = new Uint8Array();
        const wanted = requestOf(fixture, { source, peers: at(SEED), noTrackers: true });
        const run = yield* Effect.forkChild(
          Stream.runCollect(
            client.metadata(wanted, {
              layers: true,
              learned: (info, pieceLayers) =>
                Effect.sync(() => {
                  torrent = Uint8Array.from(encodeMetainfo(info.bytes, { trackers: [], webSeeds: [], pieceLayers }));
                }),
            }),
          ),
        );
        yield* TestClock.adjust("20 seconds");
        const events: ReadonlyArray<DownloadEvent> = yield* Fiber.join(run);
        assert.deepStrictEqual(
          events.filter(({ type }) => type === "warning"),
          [],
        );
        const saved = Result.getOrThrow(parseMetainfo(torrent, digests));
        assert.deepStrictEqual(saved.pieceLayers, fixture.metainfo.pieceLayers);
        assert.strictEqual(saved.info.infoHash.hex, fixture.metainfo.info.infoHash.hex);
        assert.isUndefined(yield* client.disk.get("/d/many/c"));
      }
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});

describe("a magnet link of v2 that was stopped", () => {
  it.effect("goes on with the metadata and the hashes that it had, asking nobody for them again", () =>
    Effect.gen(function* () {
      const network = yield* Network.make({ latency: "10 millis" });
      const source = magnetOf(v2, "v2");
      // Gives everything but pieces.
      yield* makeFakePeer({
        network,
        address: SEED,
        fixture: v2,
        metadata: {},
        hear: (message, talk) =>
          message._tag === "Request" || answering((range) => rightAnswer(v2, range))(message, talk),
      });
      const other = yield* makeFakePeer({ network, address: OTHER, fixture: v2, hear: answering(() => undefined) });
      const client = yield* makeClient({ network, address: CLIENT });
      const first = yield* watch(client, requestOf(v2, { source, peers: at(SEED), noTrackers: true }));
      yield* TestClock.adjust("10 seconds");
      assert.isFalse(first.isComplete());
      yield* Fiber.interrupt(first.fiber);
      const second = yield* watch(client, requestOf(v2, { source, peers: at(OTHER), noTrackers: true }));
      yield* TestClock.adjust("10 seconds");
      yield* Fiber.join(second.fiber);
      assert.isTrue(second.isComplete());
      assert.deepStrictEqual(asked(other.talks[0]), []);
      yield* assertTree(client, v2);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});

describe("a link of a hybrid that was stopped", () => {
  it.effect("is gone on with by a link that has the other hash", () =>
    Effect.gen(function* () {
      const network = yield* Network.make({ latency: "10 millis" });
      yield* makeFakePeer({
        network,
        address: SEED,
        fixture: hybrid,
        metadata: {},
        hear: (message) => message._tag === "Request",
      });
      // Has no metadata to give.
      yield* makeFakePeer({ network, address: OTHER, fixture: hybrid });
      const client = yield* makeClient({ network, address: CLIENT });
      const by = (version: "v1" | "v2", host: string) =>
        watch(client, requestOf(hybrid, { source: magnetOf(hybrid, version), peers: at(host), noTrackers: true }));
      const first = yield* by("v1", SEED);
      yield* TestClock.adjust("5 seconds");
      yield* Fiber.interrupt(first.fiber);
      const second = yield* by("v2", OTHER);
      yield* TestClock.adjust("10 seconds");
      yield* Fiber.join(second.fiber);
      yield* assertTree(client, hybrid);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});
