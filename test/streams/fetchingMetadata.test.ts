import { assert, describe, it } from "@effect/vitest";
import { Deferred, Effect, Fiber, Stream } from "effect";
import { TestClock } from "effect/testing";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import type { TorrentInfo } from "../../src/schema/metainfo.ts";
import { request } from "../../src/streams/request.ts";
import { makeFakePeer } from "../support/fakePeer.ts";
import { makeClient, makeFixture } from "../support/swarm.ts";

describe("fetchMetadata", () => {
  it.effect("ends once the metadata is there, and leaves no file", () =>
    Effect.gen(function* () {
      const fixture = makeFixture({ length: 100_000, pieceLength: 16_384 });
      const network = yield* Network.make({ latency: "10 millis" });
      yield* makeFakePeer({ network, address: "10.0.0.1", fixture, metadata: {} });
      const client = yield* makeClient({ network, address: "10.0.0.2" });
      const { infoHash } = fixture.metainfo.info;
      const magnet = {
        infoHash,
        infoHashV1: infoHash.hex,
        trackers: [],
        webSeeds: [],
        peers: [{ host: "10.0.0.1", port: 6881 }],
        nodes: [],
      };
      const told = yield* Deferred.make<TorrentInfo>();
      const fiber = yield* client
        .metadata(
          { ...request({ _tag: "Magnet", magnet }, "/d"), noTrackers: true },
          {
            layers: true,
            learned: (info) => Effect.asVoid(Deferred.succeed(told, info)),
          },
        )
        .pipe(Stream.runDrain, Effect.forkChild);
      yield* TestClock.adjust("20 seconds");
      yield* Fiber.join(fiber);
      assert.deepStrictEqual((yield* Deferred.await(told)).bytes.slice(), fixture.metainfo.info.bytes.slice());
      assert.deepStrictEqual(yield* client.disk.paths, []);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});
