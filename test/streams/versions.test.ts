import { assert, describe, it } from "@effect/vitest";
import { Effect, Exit, Fiber, Option } from "effect";
import { TestClock } from "effect/testing";
import { DownloadFailed } from "../../src/schema/errors/DownloadError.ts";
import type { DownloadEvent } from "../../src/schema/events.ts";
import { DataSettings, defaultDataSettings } from "../../src/schema/settings.ts";
import type { Message } from "../../src/schema/message.ts";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { type FakeTalk, makeFakePeer } from "../support/fakePeer.ts";
import { makeClient, requestOf, TRACKER, watch } from "../support/swarm.ts";
import { makeTreeFixture } from "../support/trees.ts";
import { assertTree, makeTreeSeed, putTree } from "../support/treeSwarm.ts";

const PIECE = 65_536;
const FILES = [
  ["a", 3 * PIECE + 20_000],
  ["b", 0],
  ["c", 5],
  ["d", PIECE],
  ["e", 40_000],
  ["f", 2 * PIECE + 16_384],
] as const;

/** Bytes that a run asked for and got. */
const fetched = ({ events }: { readonly events: ReadonlyArray<DownloadEvent> }): number =>
  events.findLast((event) => event.type === "progress")?.downloaded ?? 0;

/** Answers the requests that `which` picks with zeros. */
const lying =
  (which: (block: { readonly index: number; readonly begin: number }) => boolean) =>
  (message: Message, talk: FakeTalk): boolean => {
    if (message._tag !== "Request" || !which(message)) return false;
    talk.sendBlock(message, new Uint8Array(message.length));
    return true;
  };

const SEED = "10.0.0.1";
const CLIENT = "10.0.0.2";
const LIAR = "10.0.0.66";
const peers = [{ host: SEED, port: 6881 }];

for (const version of ["v2", "hybrid"] as const) {
  const options = { version, pieceLength: PIECE, tracker: TRACKER };
  const fixture = makeTreeFixture(FILES, options);
  const size = FILES.reduce((sum, [, length]) => sum + length, 0);

  describe(`a ${version} torrent`, () => {
    it.effect(
      "is fetched from a seed, files shorter than a piece and empty ones too, and no byte twice or of a gap",
      () =>
        Effect.gen(function* () {
          const network = yield* Network.make({ latency: "10 millis" });
          yield* makeTreeSeed(fixture, { network, address: SEED });
          yield* TestClock.adjust("1 second");
          const client = yield* makeClient({ network, address: CLIENT });
          const run = yield* watch(client, requestOf(fixture));
          yield* TestClock.adjust("20 seconds");
          yield* Fiber.join(run.fiber);
          yield* assertTree(client, fixture);
          assert.isTrue(run.isComplete());
          assert.strictEqual(fetched(run), size);
        }).pipe(Effect.provide(MemoryTrackers.layer)),
    );

    it.effect("gives whole blocks to those who ask for them at the end of a file", () =>
      Effect.gen(function* () {
        const network = yield* Network.make({});
        yield* makeTreeSeed(fixture, { network, address: SEED });
        yield* TestClock.adjust("1 second");
        const blocks = [
          { index: 4, begin: 0, length: 16_384 },
          { index: 3, begin: 16_384, length: 16_384 },
          // Nothing but padding, which those ask for who know version 1 alone.
          { index: 4, begin: 32_768, length: 16_384 },
        ];
        const fake = yield* makeFakePeer({
          network,
          address: CLIENT,
          fixture,
          greet: (talk) => talk.say({ _tag: "Interested" }),
          hear: (message, talk) => {
            if (message._tag === "Unchoke")
              talk.say(...blocks.map((block) => ({ _tag: "Request", ...block }) as const));
            return true;
          },
        });
        yield* Effect.forkScoped(fake.dial(`${SEED}:6881`));
        yield* TestClock.adjust("5 seconds");
        const got = (fake.talks[0]?.heard ?? []).flatMap((message) => (message._tag === "Piece" ? [message] : []));
        assert.deepStrictEqual(
          got.map(({ index, begin, length }) => ({ index, begin, length })),
          blocks,
        );
      }).pipe(Effect.provide(MemoryTrackers.layer)),
    );

    it.effect("finds the one liar among several contributors, and bans nobody else", () =>
      Effect.gen(function* () {
        const large = makeTreeFixture([["a", 3_000_001]], { ...options, pieceLength: 16 * 16_384 });
        const honest = [SEED, "10.0.0.3", "10.0.0.4"];
        const network = yield* Network.make({ latency: "20 millis", bytesPerSecond: 400_000 });
        for (const address of honest) yield* makeFakePeer({ network, address, fixture: large });
        const hear = lying(({ begin }) => begin === 4 * 16_384 || begin === 7 * 16_384);
        yield* makeFakePeer({ network, address: LIAR, fixture: large, hear });
        const client = yield* makeClient({ network, address: CLIENT });
        const named = [LIAR, ...honest].map((host) => ({ host, port: 6881 }));
        const run = yield* watch(client, requestOf(large, { peers: named, noTrackers: true }));
        yield* TestClock.adjust("90 seconds");
        yield* Fiber.join(run.fiber);
        assert.isTrue(run.events.some((event) => event.type === "warning" && event.code === "piece.failed"));
        assert.include(run.peer(LIAR), "peer.banned");
        for (const address of honest) assert.deepStrictEqual(run.peer(address), ["connected"]);
        yield* assertTree(client, large);
      }).pipe(Effect.provide(MemoryTrackers.layer)),
    );

    it.effect("goes on after a stop with the blocks that were there, in pieces that are not complete too", () =>
      Effect.gen(function* () {
        const slow = makeTreeFixture(
          [
            ["a", 900_000],
            ["b", 300_001],
            ["c", 70],
          ],
          { ...options, pieceLength: 524_288 },
        );
        const network = yield* Network.make({ latency: "20 millis", bytesPerSecond: 100_000 });
        yield* makeTreeSeed(slow, { network, address: SEED });
        yield* TestClock.adjust("1 second");
        const client = yield* makeClient({ network, address: CLIENT });
        const run = yield* watch(client, requestOf(slow));
        yield* TestClock.adjust("6 seconds");
        const before = fetched(run);
        assert.isAbove(before, 300_000);
        const stopping = yield* Effect.forkChild(Fiber.interrupt(run.fiber));
        yield* TestClock.adjust("3 seconds");
        assert.isDefined(stopping.pollUnsafe());
        const again = yield* watch(client, requestOf(slow));
        yield* TestClock.adjust("30 seconds");
        yield* Fiber.join(again.fiber);
        assert.isAtMost(fetched(again), 1_200_071 - before + 32_768);
        yield* assertTree(client, slow);
      }).pipe(Effect.provide(MemoryTrackers.layer)),
    );

    it.effect("writes pieces longer than its buffers run by run, and verifies them", () =>
      Effect.gen(function* () {
        const long = makeTreeFixture(
          [
            ["a", 2_500_000],
            ["b", 20],
          ],
          { ...options, pieceLength: 1_048_576 },
        );
        const network = yield* Network.make({ latency: "10 millis" });
        yield* makeFakePeer({ network, address: SEED, fixture: long });
        const client = yield* makeClient({ network, address: CLIENT });
        const run = yield* watch(client, requestOf(long, { peers, noTrackers: true })).pipe(
          Effect.provideService(DataSettings, {
            bufferBytes: 2_097_152,
            runLength: 131_072,
            writes: defaultDataSettings.writes,
            recordInterval: defaultDataSettings.recordInterval,
            syncInterval: defaultDataSettings.syncInterval,
          }),
        );
        yield* TestClock.adjust("30 seconds");
        yield* Fiber.join(run.fiber);
        yield* assertTree(client, long);
      }).pipe(Effect.provide(MemoryTrackers.layer)),
    );

    it.effect("is fetched by file, and each file is checked by itself", () =>
      Effect.gen(function* () {
        const network = yield* Network.make({});
        yield* makeTreeSeed(fixture, { network, address: SEED });
        yield* TestClock.adjust("1 second");
        const client = yield* makeClient({ network, address: CLIENT });
        const select = [{ _tag: "Glob", glob: "[ce]" }] as const;
        const run = yield* watch(client, requestOf(fixture, { select }));
        yield* TestClock.adjust("20 seconds");
        yield* Fiber.join(run.fiber);
        assert.strictEqual(fetched(run), 40_005);
        assert.strictEqual(yield* client.disk.get("/d/many/a"), undefined);
        assert.deepStrictEqual(yield* client.disk.get("/d/many/e"), fixture.content.get("e"));
      }).pipe(Effect.provide(MemoryTrackers.layer)),
    );

    it.effect("is proven by the roots of its files when it is shared without piece layers", () =>
      Effect.gen(function* () {
        const network = yield* Network.make({});
        yield* makeTreeSeed(makeTreeFixture(FILES, { ...options, bare: true }), { network, address: SEED });
        yield* TestClock.adjust("1 second");
        const client = yield* makeClient({ network, address: CLIENT });
        const run = yield* watch(client, requestOf(fixture));
        yield* TestClock.adjust("20 seconds");
        yield* Fiber.join(run.fiber);
        yield* assertTree(client, fixture);
      }).pipe(Effect.provide(MemoryTrackers.layer)),
    );
  });
}

describe("a v2 torrent without piece layers", () => {
  it.effect("has only those pieces fetched that can be judged", () =>
    Effect.gen(function* () {
      const bare = makeTreeFixture(FILES, { version: "v2", pieceLength: PIECE, bare: true });
      const network = yield* Network.make({});
      const fake = yield* makeFakePeer({ network, address: SEED, fixture: bare });
      const client = yield* makeClient({ network, address: CLIENT });
      const run = yield* watch(client, requestOf(bare, { peers, noTrackers: true }));
      yield* TestClock.adjust("60 seconds");
      assert.isUndefined(run.fiber.pollUnsafe());
      const asked = (fake.talks[0]?.heard ?? []).flatMap((message) =>
        message._tag === "Request" ? [message.index] : [],
      );
      assert.deepStrictEqual(
        [...new Set(asked)].sort((a, b) => a - b),
        [4, 5, 6],
      );
      assert.deepStrictEqual(yield* client.disk.get("/d/many/e"), bare.content.get("e"));
      yield* Fiber.interrupt(run.fiber);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});

describe("a hybrid torrent whose hashes contradict each other", () => {
  const torn = makeTreeFixture(FILES, {
    version: "hybrid",
    pieceLength: PIECE,
    spoil: (pieces) => (pieces[21] = (pieces[21] ?? 0) ^ 1),
  });

  it.effect("ends its download with one clear line, and fetches nothing again and again", () =>
    Effect.gen(function* () {
      const network = yield* Network.make({});
      const fake = yield* makeFakePeer({ network, address: SEED, fixture: torn });
      const client = yield* makeClient({ network, address: CLIENT });
      const run = yield* watch(client, requestOf(torn, { peers, noTrackers: true }));
      yield* TestClock.adjust("60 seconds");
      const error = Option.getOrUndefined(Exit.findErrorOption(yield* Fiber.await(run.fiber)));
      assert.propertyVal(error, "code", "metainfo.contradiction");
      assert.include(error instanceof DownloadFailed ? error.message : "", "the data of piece 1 fits only one of them");
      const asked = (fake.talks[0]?.heard ?? []).filter((message) => message._tag === "Request" && message.index === 1);
      assert.isAtMost(asked.length, PIECE / 16_384);
      assert.deepStrictEqual(run.peer(SEED), ["connected"]);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("ends the check of its files the same way", () =>
    Effect.gen(function* () {
      const client = yield* makeClient({ network: yield* Network.make({}), address: CLIENT });
      yield* putTree(client, torn);
      const error = yield* Effect.flip(client.run(requestOf(torn, { seed: true, port: 6881 })));
      assert.propertyVal(error, "code", "metainfo.contradiction");
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});
