import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber, Layer, Option } from "effect";
import { NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import * as InfoHash from "../../../src/schema/infoHash.ts";
import type { AnnounceRequest } from "../../../src/schema/tracker.ts";
import { layer, layerMemory, MemoryTrackers } from "../../../src/services/Tracker/memory.ts";
import { Tracker } from "../../../src/services/Tracker/Tracker.ts";

const request: AnnounceRequest = {
  infoHash: Option.getOrThrow(InfoHash.fromBytes(new Uint8Array(20))),
  peerId: new Uint8Array(20),
  port: 7000,
  uploaded: 0,
  downloaded: 0,
  left: 1,
  event: "started",
  numwant: 50,
  key: 1,
};
const URL = "http://t/announce";

describe("Tracker, memory", () => {
  it.effect("introduces clients to each other until they say stopped", () =>
    Effect.gen(function* () {
      const trackers = yield* MemoryTrackers;
      const client = (host: string) =>
        Layer.build(layer(NetAddress.ipFromStringUnsafe(host))).pipe(
          Effect.map(
            (context) => (event: AnnounceRequest["event"], left: number) =>
              Tracker.use((tracker) => tracker.announce(URL, { ...request, event, left })).pipe(
                Effect.provide(context),
              ),
          ),
        );
      const one = yield* client("10.0.0.1");
      const two = yield* client("10.0.0.2");
      assert.deepStrictEqual((yield* one("started", 0)).peers, []);
      const found = yield* two("started", 1);
      assert.deepStrictEqual(found.peers.map(NetAddress.formatInet), ["10.0.0.1:7000"]);
      assert.deepInclude(found, { seeders: 1, leechers: 0 });
      yield* one("stopped", 0);
      assert.deepStrictEqual((yield* two("none", 1)).peers, []);
      assert.strictEqual((yield* trackers.arrivals).length, 4);
      assert.strictEqual((yield* trackers.swarm(URL, request.infoHash)).length, 1);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
  it.effect("does as it is scripted: late, failing, or with other words", () =>
    Effect.gen(function* () {
      const trackers = yield* MemoryTrackers;
      const announce = Tracker.use((tracker) => tracker.announce(URL, request));
      yield* trackers.script(URL, () => ({ delay: "2 seconds", fail: { _tag: "HttpStatus", status: 500 } }));
      const fiber = yield* Effect.forkChild(Effect.flip(announce));
      yield* TestClock.adjust("1999 millis");
      assert.isUndefined(fiber.pollUnsafe());
      yield* TestClock.adjust("1 millis");
      assert.strictEqual((yield* Fiber.join(fiber)).code, "tracker.http-status");
      yield* trackers.script(URL, () => ({ response: { interval: 7, warning: "w" } }));
      assert.deepStrictEqual(yield* announce, { peers: [], interval: 7, seeders: 0, leechers: 0, warning: "w" });
    }).pipe(Effect.provide(layerMemory)),
  );
});
