import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber } from "effect";
import { NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import { MAX_RECORD_PEERS } from "../../src/schema/resume.ts";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { makeAcquaintances } from "../../src/streams/acquaintances.ts";
import type { DownloadRequest } from "../../src/streams/request.ts";
import { type Fixture, makeClient, makeFixture, makeSeed, requestOf, TRACKER, watch } from "../support/swarm.ts";

/** A member that gave so many bytes; port 0: nobody could reach it. */
const member = (port: number, delivered: number, uploaded = 0) => ({
  contact: () =>
    port === 0 ? undefined : { address: NetAddress.inetAddressFromStringUnsafe(`10.0.0.1:${port}`), flags: 0 },
  delivered: () => delivered,
  uploaded: () => uploaded,
});

describe("acquaintances", () => {
  it("are those who gave or took something and can be reached, the latest first", () => {
    const { join, leave, list } = makeAcquaintances();
    const gone = member(1, 5);
    for (const one of [gone, member(2, 0), member(3, 0, 7), member(0, 9)]) join(one);
    assert.deepStrictEqual(list(), ["10.0.0.1:3", "10.0.0.1:1"]);
    leave(gone);
    assert.deepStrictEqual(list(), ["10.0.0.1:3", "10.0.0.1:1"]);
  });

  it("are kept from earlier runs after those of this one; what is no address is kept from nobody", () => {
    const { join, list, recall } = makeAcquaintances();
    const peers = recall(["10.0.0.2:2", "nonsense", "[2001:db8::1]:1"]);
    assert.deepStrictEqual(peers.map(NetAddress.formatInet), ["10.0.0.2:2", "[2001:db8::1]:1"]);
    join(member(9, 1));
    assert.deepStrictEqual(list(), ["10.0.0.1:9", "10.0.0.2:2", "[2001:db8::1]:1"]);
  });

  it(`are no more than ${MAX_RECORD_PEERS}`, () => {
    const { join, leave, list } = makeAcquaintances();
    for (let port = 1; port <= 1_000; port++) {
      const one = member(port, 1);
      join(one);
      leave(one);
    }
    assert.strictEqual(list().length, MAX_RECORD_PEERS);
    assert.strictEqual(list()[0], "10.0.0.1:1000");
  });
});

describe("the next run", () => {
  /** A run that is stopped half-way, and another one for which the tracker knows nobody; what became of the seed in it. */
  const twice = (fixture: Fixture, change: Partial<DownloadRequest> = {}) =>
    Effect.gen(function* () {
      const network = yield* Network.make({ latency: "10 millis", bytesPerSecond: 100_000 });
      yield* makeSeed(fixture, { network, address: "10.0.0.1" });
      yield* TestClock.adjust("1 second");
      const client = yield* makeClient({ network, address: "10.0.0.2" });
      const first = yield* watch(client, requestOf(fixture));
      yield* TestClock.adjust("5 seconds");
      assert.include(first.peer("10.0.0.1"), "connected");
      yield* Fiber.interrupt(first.fiber);
      yield* MemoryTrackers.use(({ script }) => script(TRACKER, () => ({ response: { peers: [] } })));
      const second = yield* watch(client, requestOf(fixture, change));
      yield* TestClock.adjust("60 seconds");
      yield* Fiber.interrupt(second.fiber);
      return second.peer("10.0.0.1");
    }).pipe(Effect.provide(MemoryTrackers.layer));
  const options = { length: 1_000_000, pieceLength: 32_768, tracker: TRACKER };

  it.effect("finds them again, whatever the tracker says", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* twice(makeFixture(options)))[0], "connected");
    }),
  );

  it.effect("does not for a private torrent", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* twice(makeFixture({ ...options, private: true })), []);
    }),
  );

  it.effect("does not where the peers are the user's to choose", () =>
    Effect.gen(function* () {
      const peers = [{ host: "10.0.0.3", port: 6881 }];
      assert.deepStrictEqual(yield* twice(makeFixture(options), { noTrackers: true, peers }), []);
    }),
  );
});
