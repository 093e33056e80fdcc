import { assert, describe, it } from "@effect/vitest";
import { Effect, Exit, Fiber, Option } from "effect";
import { TestClock } from "effect/testing";
import { DownloadFailed } from "../../src/schema/errors/DownloadError.ts";
import type { Message } from "../../src/schema/message.ts";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { type FakeTalk, makeFakePeer } from "../support/fakePeer.ts";
import { makeClient, makeFixture, requestOf, watch } from "../support/swarm.ts";

const LIAR = "10.0.0.66";
const HONEST = ["10.0.0.1", "10.0.0.3", "10.0.0.4"];
const CLIENT = "10.0.0.2";
const PAYLOAD = "/d/payload.bin";

/** Answers the requests that `which` picks (counted from 0) with zeros. */
const lying = (which: (count: number) => boolean) => {
  let count = 0;
  return (message: Message, talk: FakeTalk): boolean => {
    if (message._tag !== "Request" || !which(count++)) return false;
    talk.sendBlock(message, new Uint8Array(message.length));
    return true;
  };
};

describe("blaming", () => {
  it.effect("bans the only peer that a wrong piece came from, and completes from another", () =>
    Effect.gen(function* () {
      const fixture = makeFixture({ length: 500_000, pieceLength: 32_768 });
      const network = yield* Network.make({ latency: "10 millis" });
      yield* makeFakePeer({ network, address: LIAR, fixture, hear: lying(() => true) });
      const client = yield* makeClient({ network, address: CLIENT });
      const peers = [LIAR, "10.0.0.1"].map((host) => ({ host, port: 6881 }));
      const run = yield* watch(client, requestOf(fixture, { peers, noTrackers: true }));
      yield* TestClock.adjust("5 seconds");
      assert.deepStrictEqual(run.peer(LIAR), ["connected", "peer.banned", "peer.banned"]);
      yield* makeFakePeer({ network, address: "10.0.0.1", fixture });
      yield* TestClock.adjust("120 seconds");
      assert.isTrue(run.isComplete());
      assert.deepStrictEqual(run.peer("10.0.0.1").at(-1), "connected");
      assert.strictEqual(run.peer(LIAR).filter((state) => state === "connected").length, 1);
      assert.deepStrictEqual(yield* client.disk.get(PAYLOAD), fixture.bytes);
      yield* Fiber.interrupt(run.fiber);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("refuses the banned when they connect themselves", () =>
    Effect.gen(function* () {
      const fixture = makeFixture({ length: 500_000, pieceLength: 32_768 });
      const network = yield* Network.make({ latency: "10 millis" });
      const liar = yield* makeFakePeer({ network, address: LIAR, fixture, hear: lying(() => true) });
      const client = yield* makeClient({ network, address: CLIENT });
      const peers = [{ host: LIAR, port: 6881 }];
      const run = yield* watch(client, requestOf(fixture, { peers, noTrackers: true, port: 6881 }));
      yield* TestClock.adjust("5 seconds");
      for (let turn = 0; turn < 3; turn++) {
        yield* Effect.forkScoped(liar.dial(`${CLIENT}:6881`));
        yield* TestClock.adjust("5 seconds");
      }
      // The first comes from a port of its own; that it lies too bans the address.
      assert.strictEqual(liar.talks.length, 2);
      assert.isTrue(liar.talks.every(({ ended }) => ended));
      yield* Fiber.interrupt(run.fiber);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("finds the one liar among several contributors, and bans nobody else", () =>
    Effect.gen(function* () {
      const fixture = makeFixture({ length: 4 * 1024 * 1024, pieceLength: 512 * 1024 });
      const network = yield* Network.make({ latency: "20 millis", bytesPerSecond: 400_000 });
      for (const address of HONEST) yield* makeFakePeer({ network, address, fixture });
      yield* makeFakePeer({ network, address: LIAR, fixture, hear: lying((count) => count % 9 === 4) });
      const client = yield* makeClient({ network, address: CLIENT });
      const peers = [LIAR, ...HONEST].map((host) => ({ host, port: 6881 }));
      const run = yield* watch(client, requestOf(fixture, { peers, noTrackers: true }));
      yield* TestClock.adjust("60 seconds");
      yield* Fiber.join(run.fiber);
      assert.include(run.peer(LIAR), "peer.banned");
      for (const address of HONEST) assert.deepStrictEqual(run.peer(address), ["connected"]);
      assert.isTrue(run.events.some((event) => event.type === "warning" && event.code === "piece.failed"));
      assert.deepStrictEqual(yield* client.disk.get(PAYLOAD), fixture.bytes);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("gives up a piece that is wrong whoever it comes from", () =>
    Effect.gen(function* () {
      const fixture = makeFixture({ length: 40_000, pieceLength: 65_536 });
      const network = yield* Network.make({ latency: "10 millis" });
      const addresses = Array.from({ length: 12 }, (_, index) => `10.0.1.${index + 1}`);
      for (const address of addresses) yield* makeFakePeer({ network, address, fixture, hear: lying(() => true) });
      const client = yield* makeClient({ network, address: CLIENT });
      const peers = addresses.map((host) => ({ host, port: 6881 }));
      const run = yield* watch(client, requestOf(fixture, { peers, noTrackers: true }));
      yield* TestClock.adjust("120 seconds");
      const error = Option.getOrUndefined(Exit.findErrorOption(yield* Fiber.await(run.fiber)));
      assert.isTrue(error instanceof DownloadFailed && error.reason._tag === "BadPiece");
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});
