import { assert, describe, it } from "@effect/vitest";
import { Effect, Latch } from "effect";
import { NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import { Bans } from "../../src/services/Bans.ts";
import { Events } from "../../src/services/Events.ts";
import { layerMemory, MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { makeNames } from "../../src/streams/names.ts";
import { makeCandidates } from "../../src/streams/candidates.ts";
import { addTrackerPeers } from "../../src/streams/sources.ts";
import { makeEntrance } from "../../src/streams/entrance.ts";
import { makeFixture, TRACKER } from "../support/swarm.ts";

const { infoHash } = makeFixture({ length: 16_384, pieceLength: 16_384 }).metainfo.info;

describe("sources", () => {
  it.effect("hears from each tracker once where it sees us (BEP 24), however often it answers", () =>
    Effect.gen(function* () {
      const externalIp = NetAddress.ipFromStringUnsafe("203.0.113.7");
      const trackers = yield* MemoryTrackers;
      const other = "http://other.test/announce";
      for (const url of [TRACKER, other])
        yield* trackers.script(url, () => ({ response: { interval: 1_800, peers: [], externalIp } }));
      const seen: Array<string> = [];
      yield* addTrackerPeers({
        origins: { tiers: [[TRACKER], [other]], peers: [] },
        candidates: yield* makeCandidates({ own: [] }),
        names: makeNames({ infoHash, infoHashV1: infoHash.hex }, true),
        peerId: new Uint8Array(20),
        entrance: makeEntrance(6881, () => {}),
        secluded: Latch.makeUnsafe(false),
        stats: () => ({ downloaded: 0, uploaded: 0, left: 1, partialSeed: false }),
        completed: Latch.makeUnsafe(false),
        hungry: Latch.makeUnsafe(false),
        swarm: { members: new Set() },
        seenAt: (ip) => seen.push(NetAddress.formatIp(ip)),
      }).pipe(Effect.forkScoped);
      for (let round = 0; round < 3; round++) yield* TestClock.adjust("31 minutes");
      assert.isAbove((yield* trackers.arrivals).length, 4);
      assert.deepStrictEqual(seen, ["203.0.113.7", "203.0.113.7"]);
    }).pipe(Effect.scoped, Effect.provide([layerMemory, Bans.layer, Events.layer])),
  );
});
