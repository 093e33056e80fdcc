import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber } from "effect";
import { TestClock } from "effect/testing";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { makeFakePeer } from "../support/fakePeer.ts";
import { type Fixture, makeClient, makeFixture, makeManyFixture, requestOf, watch } from "../support/swarm.ts";

const SEED = "10.0.0.1";
const CLIENT = "10.0.0.2";
const PIECE = 65_536;

/** A download from one honest peer, to its end; what was asked of the peer, as `piece/block`. */
const fetch = (fixture: Fixture, change: Parameters<typeof requestOf>[1] = {}) =>
  Effect.gen(function* () {
    const network = yield* Network.make({ latency: "10 millis", bytesPerSecond: 500_000 });
    const asked: Array<string> = [];
    yield* makeFakePeer({
      network,
      address: SEED,
      fixture,
      hear: (message) => {
        if (message._tag === "Request") asked.push(`${message.index}/${message.begin / 16_384}`);
      },
    });
    const client = yield* makeClient({ network, address: CLIENT });
    const peers = [{ host: SEED, port: 6881 }];
    const run = yield* watch(client, requestOf(fixture, { peers, noTrackers: true, ...change }));
    yield* TestClock.adjust("20 seconds");
    yield* Fiber.join(run.fiber);
    return { asked, client, run };
  }).pipe(Effect.provide(MemoryTrackers.layer));

describe("what a download asks for", () => {
  it.effect("is everything in order when sequential", () =>
    Effect.gen(function* () {
      const { asked } = yield* fetch(makeFixture({ length: 20 * PIECE, pieceLength: PIECE }), { sequential: true });
      const pieces = asked.map((name) => Number(name.split("/")[0]));
      assert.deepStrictEqual(
        pieces,
        pieces.toSorted((a, b) => a - b),
      );
      assert.strictEqual(pieces.length, 80);
    }),
  );

  it.effect("is only what was chosen, with the pieces that it shares with other files", () =>
    Effect.gen(function* () {
      const fixture = makeManyFixture(
        [
          ["a", 3 * PIECE + 100],
          ["b", PIECE],
          ["c", 5 * PIECE],
        ],
        { pieceLength: PIECE },
      );
      const { asked, client, run } = yield* fetch(fixture, { select: [{ _tag: "Glob", glob: "b" }] });
      assert.deepStrictEqual(new Set(asked.map((name) => name.split("/")[0])), new Set(["3", "4"]));
      assert.deepStrictEqual(
        yield* client.disk.get("/d/many/b"),
        fixture.bytes.slice(3 * PIECE + 100, 4 * PIECE + 100),
      );
      assert.notInclude(yield* client.disk.paths, "/d/many/a");
      const end = run.events.find((event) => event.type === "complete");
      assert.strictEqual(end?.size, PIECE);
      const progress = run.events.findLast((event) => event.type === "progress");
      assert.deepInclude(progress, { pieces: 2, pieceCount: 2, done: PIECE, total: PIECE });
    }),
  );

  for (const sequential of [false, true])
    it.effect(
      `begins with what the peer suggests (BEP 6), ${sequential ? "but not" : "also"} where it is to come in order`,
      () =>
        Effect.gen(function* () {
          const fixture = makeFixture({ length: 80 * PIECE, pieceLength: PIECE });
          const network = yield* Network.make({ latency: "10 millis", bytesPerSecond: 500_000 });
          const asked: Array<number> = [];
          yield* makeFakePeer({
            network,
            address: SEED,
            fixture,
            greet: (talk) => {
              const suggestions = [70, 7, 42].map((index) => ({ _tag: "Suggest", index }) as const);
              talk.say({ _tag: "HaveAll" }, ...suggestions);
            },
            hear: (message) => {
              if (message._tag === "Request") asked.push(message.index);
            },
          });
          const client = yield* makeClient({ network, address: CLIENT });
          const peers = [{ host: SEED, port: 6881 }];
          const run = yield* watch(client, requestOf(fixture, { peers, noTrackers: true, sequential }));
          yield* TestClock.adjust("20 seconds");
          assert.sameMembers([...new Set(asked)].slice(0, 3), sequential ? [0, 1, 2] : [70, 7, 42]);
          assert.isTrue(run.isComplete());
          yield* Fiber.join(run.fiber);
        }).pipe(Effect.provide(MemoryTrackers.layer)),
    );

  it.effect("leaves a partial seed that tells its trackers what is missing of the whole (BEP 21)", () =>
    Effect.gen(function* () {
      const trackers = yield* MemoryTrackers;
      const files = [
        ["a", 3 * PIECE],
        ["b", PIECE],
      ] as const;
      const fixture = makeManyFixture(files, { pieceLength: PIECE, tracker: "http://t/announce" });
      const network = yield* Network.make({ latency: "10 millis", bytesPerSecond: 500_000 });
      yield* makeFakePeer({ network, address: SEED, fixture });
      const client = yield* makeClient({ network, address: CLIENT });
      const peers = [{ host: SEED, port: 6881 }];
      const run = yield* watch(
        client,
        requestOf(fixture, { peers, seed: true, select: [{ _tag: "Glob", glob: "b" }] }),
      );
      yield* TestClock.adjust("20 seconds");
      assert.isTrue(run.isComplete());
      yield* Fiber.interrupt(run.fiber);
      assert.deepStrictEqual(
        (yield* trackers.arrivals).map(({ request }) => [request.event, request.left, request.partialSeed]),
        [
          ["started", 4 * PIECE, false],
          ["none", 3 * PIECE, true],
          ["stopped", 3 * PIECE, true],
        ],
      );
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("is no padding: that is filled in, and pieces of it alone are there from the start (BEP 47)", () =>
    Effect.gen(function* () {
      const fixture = makeManyFixture(
        [
          ["a", 20_000],
          ["", 2 * PIECE - 20_000],
          ["b", PIECE + 20_000],
          ["", PIECE - 20_000],
          ["c", 100],
        ],
        { pieceLength: PIECE },
      );
      const { asked, client } = yield* fetch(fixture);
      assert.deepStrictEqual(new Set(asked), new Set(["0/0", "0/1", "2/0", "2/1", "2/2", "2/3", "3/0", "3/1", "4/0"]));
      assert.strictEqual(asked.length, 9);
      assert.deepStrictEqual(yield* client.disk.get("/d/many/a"), fixture.bytes.slice(0, 20_000));
      assert.deepStrictEqual(yield* client.disk.get("/d/many/b"), fixture.bytes.slice(2 * PIECE, 3 * PIECE + 20_000));
    }),
  );
});
