/** Both limits under the load of 200 peers: exact within 5 % over 10 s, fair, and changeable while all goes on. */
import { assert, describe, it } from "@effect/vitest";
import { Context, Effect, Layer, Stream } from "effect";
import { TestClock } from "effect/testing";
import { BLOCK_LENGTH } from "../../src/schema/block.ts";
import { Bandwidth } from "../../src/services/Bandwidth.ts";
import { Choker } from "../../src/services/Choker/Choker.ts";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryDisk } from "../../src/services/Storage/memory.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { download } from "../../src/streams/download.ts";
import { makeFakePeer, type FakeTalk } from "../support/fakePeer.ts";
import { clientLayer, makeFixture, requestOf } from "../support/swarm.ts";

const MIB = 1024 * 1024;
const CLIENT = "10.1.0.1";
const CROWD = Array.from({ length: 200 }, (_, n) => `10.0.${n >> 7}.${(n & 127) + 1}`);
const fixture = makeFixture({ length: 128 * MIB, pieceLength: 256 * 1024 });

/** A client under limits among the crowd; `change` may set others. */
const makeLimited = (
  limits: { readonly download?: number; readonly upload?: number },
  /** Bytes of the payload that are there. */
  has: number,
  { crowd = CROWD, latency = 5 } = {},
) =>
  Effect.gen(function* () {
    const network = yield* Network.make({ latency });
    const context = yield* Layer.build(
      Layer.merge(
        Bandwidth.layerWith(limits),
        // everybody is served, so that all of them push
        Choker.layerPolicy((peers) => new Map(peers.map(({ id }) => [id, "regular"]))),
      ).pipe(Layer.provideMerge(clientLayer({ network, address: CLIENT }))),
    );
    const isSeed = has === fixture.bytes.length;
    if (has > 0) yield* Context.get(context, MemoryDisk).put("/d/payload.bin", fixture.bytes.subarray(0, has));
    const start = Stream.runDrain(
      download(
        requestOf(fixture, {
          port: 6881,
          seed: true,
          maxPeers: CROWD.length,
          noTrackers: true,
          peers: (isSeed ? [CLIENT] : crowd).map((host) => ({ host, port: 6881 })),
        }),
      ),
    ).pipe(Effect.provideContext(context), Effect.forkScoped);
    return { network, start, change: Context.get(context, Bandwidth).setLimits };
  });

/** What came of `count` in so many seconds. */
const measure = (count: () => ReadonlyArray<number>, seconds: number) =>
  Effect.gen(function* () {
    const before = count();
    yield* TestClock.adjust(`${seconds} seconds`);
    const each = count().map((now, n) => now - (before[n] ?? 0));
    return { each, rate: each.reduce((sum, bytes) => sum + bytes, 0) / seconds };
  });

const assertRate = (rate: number, limit: number): void =>
  assert.isTrue(Math.abs(rate - limit) <= limit * 0.05, `${Math.round(rate)} bytes per second at a limit of ${limit}`);

/** Nobody is left out, nobody has more than twice a fair share. */
const assertFair = (each: ReadonlyArray<number>): void => {
  const mean = each.reduce((sum, bytes) => sum + bytes, 0) / each.length;
  assert.isAtLeast(Math.min(...each), mean / 2, "the least");
  assert.isAtMost(Math.max(...each), mean * 2, "the most");
};

describe("the limit on downloads, when 200 seeds push", () => {
  it.effect("is kept and shared, and another one from the moment it is set", () =>
    Effect.gen(function* () {
      const { change, network, start } = yield* makeLimited({ download: 2 * MIB }, 0);
      const sent = CROWD.map(() => 0);
      for (const [n, address] of CROWD.entries())
        yield* makeFakePeer({
          network,
          address,
          fixture,
          hear: (message) => {
            if (message._tag === "Request") sent[n] = (sent[n] ?? 0) + message.length;
          },
        });
      yield* start;
      yield* TestClock.adjust("15 seconds");
      for (const limit of [2 * MIB, MIB, 4 * MIB]) {
        yield* change({ download: limit });
        const { each, rate } = yield* measure(() => [...sent], 10);
        assertRate(rate, limit);
        if (limit >= 2 * MIB) assertFair(each);
      }
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});

describe("the limit on downloads, when one seed is near", () => {
  it.effect("is reached, however short the queue of requests to it is", () =>
    Effect.gen(function* () {
      const [address = CLIENT] = CROWD;
      const { network, start } = yield* makeLimited({ download: 10 * MIB }, 0, { crowd: [address], latency: 1 });
      let sent = 0;
      yield* makeFakePeer({
        network,
        address,
        fixture,
        hear: (message) => {
          if (message._tag === "Request") sent += message.length;
        },
      });
      yield* start;
      yield* TestClock.adjust("1 second");
      const { rate } = yield* measure(() => [sent], 10);
      assertRate(rate, 10 * MIB);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});

describe("the limit on uploads, when 200 leechers push", () => {
  it.effect("is kept and shared, and another one from the moment it is set", () =>
    Effect.gen(function* () {
      const { change, network, start } = yield* makeLimited({ upload: 2 * MIB }, fixture.bytes.length);
      yield* start;
      yield* TestClock.adjust("2 seconds");
      const taken = CROWD.map(() => 0);
      for (const [n, address] of CROWD.entries()) {
        let asked = n;
        const ask = (talk: FakeTalk): void => {
          const block = asked++ % (fixture.bytes.length / BLOCK_LENGTH);
          talk.say({
            _tag: "Request",
            index: Math.floor(block / 16),
            begin: (block % 16) * BLOCK_LENGTH,
            length: BLOCK_LENGTH,
          });
        };
        const fake = yield* makeFakePeer({
          network,
          address,
          fixture,
          greet: (talk) => talk.say({ _tag: "HaveNone" }, { _tag: "Interested" }),
          hear: (message, talk) => {
            if (message._tag === "Unchoke") for (let queued = 0; queued < 16; queued++) ask(talk);
            if (message._tag === "Piece") {
              taken[n] = (taken[n] ?? 0) + message.length;
              ask(talk);
            }
            return true;
          },
        });
        yield* Effect.forkScoped(fake.dial(`${CLIENT}:6881`));
        // no more at once than may wait at a door
        if (n % 50 === 0) yield* TestClock.adjust("1 second");
      }
      yield* TestClock.adjust("15 seconds");
      for (const limit of [2 * MIB, MIB, 8 * MIB]) {
        yield* change({ upload: limit });
        const { each, rate } = yield* measure(() => [...taken], 10);
        assertRate(rate, limit);
        if (limit >= 2 * MIB) assertFair(each);
      }
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});

describe("both limits, when 200 peers push and pull", () => {
  it.effect("are kept side by side", () =>
    Effect.gen(function* () {
      const limits = { download: 2 * MIB, upload: MIB };
      const half = fixture.bytes.length / 2;
      const { network, start } = yield* makeLimited(limits, half);
      const sent = CROWD.map(() => 0);
      const taken = CROWD.map(() => 0);
      for (const [n, address] of CROWD.entries()) {
        let asked = n;
        const ask = (talk: FakeTalk): void => {
          // of the half that was there from the start
          const block = asked++ % (half / BLOCK_LENGTH);
          const [index, begin] = [Math.floor(block / 16), (block % 16) * BLOCK_LENGTH];
          talk.say({ _tag: "Request", index, begin, length: BLOCK_LENGTH });
        };
        yield* makeFakePeer({
          network,
          address,
          fixture,
          greet: (talk) => talk.say({ _tag: "HaveAll" }, { _tag: "Interested" }),
          hear: (message, talk) => {
            if (message._tag === "Request") sent[n] = (sent[n] ?? 0) + message.length;
            if (message._tag === "Unchoke") for (let queued = 0; queued < 16; queued++) ask(talk);
            if (message._tag === "Piece") {
              taken[n] = (taken[n] ?? 0) + message.length;
              ask(talk);
            }
          },
        });
      }
      yield* start;
      yield* TestClock.adjust("15 seconds");
      const { each } = yield* measure(() => [...sent, ...taken], 10);
      const rateOf = (part: ReadonlyArray<number>): number => part.reduce((sum, bytes) => sum + bytes, 0) / 10;
      assertRate(rateOf(each.slice(0, CROWD.length)), limits.download);
      assertRate(rateOf(each.slice(CROWD.length)), limits.upload);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});
