import { assert, describe, it } from "@effect/vitest";
import { Effect, Exit, Fiber, Option } from "effect";
import { TestClock } from "effect/testing";
import { DownloadFailed } from "../../src/schema/errors/DownloadError.ts";
import { DataSettings, defaultDataSettings } from "../../src/schema/settings.ts";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import * as Spoilt from "../../src/services/Storage/middleware.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { makeFakePeer } from "../support/fakePeer.ts";
import { makeClient, makeFixture, makeSeed, requestOf, TRACKER, watch } from "../support/swarm.ts";

const SEED = "10.0.0.1";
const CLIENT = "10.0.0.2";
const PAYLOAD = "/d/payload.bin";
const settings = (bufferBytes: number, runLength: number): typeof defaultDataSettings => ({
  bufferBytes,
  runLength,
  writes: defaultDataSettings.writes,
  recordInterval: defaultDataSettings.recordInterval,
  syncInterval: defaultDataSettings.syncInterval,
});
const peers = [{ host: SEED, port: 6881 }];

describe("a download", () => {
  it.effect("stops within 3 s, tells its trackers, and fetches only the rest the next time", () =>
    Effect.gen(function* () {
      const length = 4_000_000;
      const fixture = makeFixture({ length, pieceLength: 524_288, tracker: TRACKER });
      const network = yield* Network.make({ latency: "20 millis", bytesPerSecond: 400_000 });
      const trackers = yield* MemoryTrackers;
      yield* makeSeed(fixture, { network, address: SEED });
      yield* TestClock.adjust("1 second");
      const client = yield* makeClient({ network, address: CLIENT });
      const run = yield* watch(client, requestOf(fixture));
      yield* TestClock.adjust("5 seconds");
      const before = run.events.findLast((event) => event.type === "progress")?.downloaded ?? 0;
      assert.isAbove(before, 1_000_000);
      const stopping = yield* Effect.forkChild(Fiber.interrupt(run.fiber));
      yield* TestClock.adjust("3 seconds");
      assert.isDefined(stopping.pollUnsafe());
      assert.strictEqual((yield* trackers.arrivals).at(-1)?.request.event, "stopped");

      const again = yield* watch(client, requestOf(fixture));
      yield* TestClock.adjust("20 seconds");
      yield* Fiber.join(again.fiber);
      const end = again.events.find((event) => event.type === "complete");
      assert.isAtMost(end?.downloaded ?? length, length - before + length * 0.05);
      assert.deepStrictEqual(yield* client.disk.get(PAYLOAD), fixture.bytes);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("stops within 3 s also when its tracker no longer answers", () =>
    Effect.gen(function* () {
      const fixture = makeFixture({ length: 100_000, pieceLength: 65_536, tracker: TRACKER });
      const network = yield* Network.make({});
      const trackers = yield* MemoryTrackers;
      const client = yield* makeClient({ network, address: CLIENT });
      const run = yield* watch(client, requestOf(fixture));
      yield* TestClock.adjust("5 seconds");
      yield* trackers.script(TRACKER, () => ({ delay: "1 day" }));
      const stopping = yield* Effect.forkChild(Fiber.interrupt(run.fiber));
      yield* TestClock.adjust("3 seconds");
      assert.isDefined(stopping.pollUnsafe());
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("gives up when nothing arrives for as long as it was told, and not before", () =>
    Effect.gen(function* () {
      const fixture = makeFixture({ length: 1_000_000, pieceLength: 65_536 });
      const network = yield* Network.make({ latency: "10 millis", bytesPerSecond: 100_000 });
      yield* makeFakePeer({
        network,
        address: SEED,
        fixture,
        hear: (message, talk) => message._tag === "Request" && talk.heard.length > 10,
      });
      const client = yield* makeClient({ network, address: CLIENT });
      const run = yield* watch(client, requestOf(fixture, { peers, noTrackers: true, timeout: 30_000 }));
      yield* TestClock.adjust("29 seconds");
      assert.isUndefined(run.fiber.pollUnsafe());
      yield* TestClock.adjust("10 seconds");
      const error = Option.getOrUndefined(Exit.findErrorOption(yield* Fiber.await(run.fiber)));
      assert.isTrue(error instanceof DownloadFailed);
      assert.deepStrictEqual(error instanceof DownloadFailed && error.reason._tag, "NoProgress");
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("goes on sharing when it was given a time for the download", () =>
    Effect.gen(function* () {
      const fixture = makeFixture({ length: 100_000, pieceLength: 65_536 });
      const network = yield* Network.make({ latency: "10 millis" });
      yield* makeFakePeer({ network, address: SEED, fixture });
      const client = yield* makeClient({ network, address: CLIENT });
      const wanted = requestOf(fixture, { peers, noTrackers: true, timeout: 30_000, seed: true });
      const run = yield* watch(client, wanted);
      yield* TestClock.adjust("120 seconds");
      assert.isTrue(run.isComplete());
      assert.isUndefined(run.fiber.pollUnsafe());
      yield* Fiber.interrupt(run.fiber);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("fails when there is nobody to ask", () =>
    Effect.gen(function* () {
      const fixture = makeFixture({ length: 100_000, pieceLength: 65_536 });
      const network = yield* Network.make({});
      const client = yield* makeClient({ network, address: CLIENT });
      const error = yield* Effect.flip(client.run(requestOf(fixture, { noTrackers: true, noDht: true })));
      assert.isTrue(error instanceof DownloadFailed && error.reason._tag === "NothingToAsk");
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("holds no more than its buffers when the disk is slow, and lets the sender wait", () =>
    Effect.gen(function* () {
      const fixture = makeFixture({ length: 2_000_000, pieceLength: 65_536 });
      const network = yield* Network.make({ latency: "1 millis" });
      const bufferBytes = 8 * 65_536;
      let asked = 0;
      let written = 0;
      let most = 0;
      yield* makeFakePeer({
        network,
        address: SEED,
        fixture,
        hear: (message) => {
          if (message._tag === "Request") asked += message.length;
          most = Math.max(most, asked - written);
        },
      });
      const storage = Spoilt.around((output) => ({
        ...output,
        write: (offset, bytes) =>
          Effect.tap(Effect.delay(output.write(offset, bytes), "1 second"), () =>
            Effect.sync(() => void (written += bytes.length)),
          ),
      }));
      const client = yield* makeClient({ network, address: CLIENT, storage });
      const run = yield* watch(client, requestOf(fixture, { peers, noTrackers: true })).pipe(
        Effect.provideService(DataSettings, settings(bufferBytes, 65_536)),
      );
      yield* TestClock.adjust("30 seconds");
      assert.isTrue(run.isComplete());
      assert.isAtMost(most, bufferBytes);
      assert.isAbove(most, bufferBytes / 2);
      assert.isFalse(run.peer(SEED).some((code) => code.startsWith("transport.")));
      yield* Fiber.join(run.fiber);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("writes pieces longer than its buffers run by run, at the speed of the line", () =>
    Effect.gen(function* () {
      const fixture = makeFixture({ length: 6_000_000, pieceLength: 2_097_152 });
      const network = yield* Network.make({ latency: "5 millis" });
      yield* makeFakePeer({ network, address: SEED, fixture });
      const client = yield* makeClient({ network, address: CLIENT, storage: Spoilt.slow("5 millis") });
      const run = yield* watch(client, requestOf(fixture, { peers, noTrackers: true })).pipe(
        Effect.provideService(DataSettings, settings(4 * 65_536, 65_536)),
      );
      yield* TestClock.adjust("4 seconds");
      assert.isTrue(run.isComplete());
      assert.deepStrictEqual(yield* client.disk.get(PAYLOAD), fixture.bytes);
      yield* Fiber.join(run.fiber);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});
