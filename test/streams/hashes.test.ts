import { assert, describe, it } from "@effect/vitest";
import { Clock, Effect, Fiber, Result, Stream } from "effect";
import { Hex } from "effect/encoding";
import { NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import type { DownloadEvent } from "../../src/schema/events.ts";
import { encodeMetainfo } from "../../src/schema/metainfo/write.ts";
import { parseMetainfo } from "../../src/schema/metainfo/parse.ts";
import type { TorrentSource } from "../../src/streams/request.ts";
import { type HashRange, keyOf } from "../../src/schema/hashRange.ts";
import type { InfoHash } from "../../src/schema/infoHash.ts";
import { levelsOver, NODE_LENGTH, nodeOver, rootAbove } from "../../src/schema/merkle.ts";
import { hashesOf, makeNodes, treeHeight } from "../../src/schema/merkleProof.ts";
import type { EncodableMessage, Message } from "../../src/schema/message.ts";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { digests } from "../support/digests.ts";
import { type FakeTalk, makeFakePeer } from "../support/fakePeer.ts";
import { type ClientOptions, type Fixture, makeClient, requestOf, TRACKER, watch } from "../support/swarm.ts";
import { layerOf, makeTreeFixture, type TreeFixture } from "../support/trees.ts";
import { assertTree, makeTreeSeed } from "../support/treeSwarm.ts";

const PIECE = 32_768;
const FILES = [
  ["a", 9 * PIECE + 20_000],
  ["b", 0],
  ["c", 5],
  ["d", 2 * PIECE],
  ["e", 40_000],
] as const;
const size = FILES.reduce((sum, [, length]) => sum + length, 0);
const [SEED, CLIENT, OTHER] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
const at = (...hosts: ReadonlyArray<string>) => hosts.map((host) => ({ host, port: 6881 }));

/** A seed that is not announced, and listens by now. */
const makeQuietSeed = (fixture: TreeFixture, options: ClientOptions) =>
  Effect.tap(makeTreeSeed(fixture, options, { noTrackers: true }), TestClock.adjust("1 second"));

/** A link with the hashes of the given versions. */
const magnetOf = ({ metainfo }: Fixture, ...versions: ReadonlyArray<"v1" | "v2">): TorrentSource => {
  const { infoHash, infoHashV1, infoHashV2 } = metainfo.info;
  const v1 = versions.includes("v1") && infoHashV1 !== undefined ? { infoHash, infoHashV1 } : {};
  const truncated = Result.getOrThrow(Hex.decode(infoHashV2?.slice(0, 40) ?? ""));
  const v2 =
    versions.includes("v2") && infoHashV2 !== undefined
      ? { infoHash: { hex: infoHashV2.slice(0, 40), bytes: truncated }, infoHashV2 }
      : {};
  return {
    _tag: "Magnet",
    magnet: { infoHash, ...v2, ...v1, trackers: [], webSeeds: [], peers: [], nodes: [] },
  };
};

const options = { pieceLength: PIECE };
const truncatedOf = ({ metainfo }: Fixture): InfoHash => {
  const hex = metainfo.info.infoHashV2?.slice(0, 40) ?? "";
  return { hex, bytes: Result.getOrThrow(Hex.decode(hex)) };
};

/** The right answer to a request for hashes. */
const rightAnswer = ({ content, metainfo }: TreeFixture, range: HashRange): EncodableMessage => {
  const { files } = metainfo.info;
  const file = files.find(
    ({ piecesRoot }) => piecesRoot !== undefined && Hex.encode(piecesRoot) === Hex.encode(range.root),
  );
  const bytes = content.get(file?.path[0] ?? "") ?? new Uint8Array();
  const height = treeHeight(bytes.length);
  const layer = layerOf(bytes, range.base === 0 ? 16_384 : PIECE);
  const hashes = hashesOf(range, makeNodes({ layer, base: range.base, height, sha256: digests.sha256 }));
  return hashes === undefined ? { _tag: "HashReject", range } : { _tag: "Hashes", range, hashes };
};

/** Answers requests for hashes with what `answer` gives; undefined for nothing. */
const answering =
  (answer: (range: HashRange, talk: FakeTalk) => EncodableMessage | undefined) =>
  (message: Message, talk: FakeTalk): boolean => {
    if (message._tag !== "HashRequest") return false;
    const said = answer(message.range, talk);
    if (said !== undefined) talk.say(said);
    return true;
  };

const asked = (talk: FakeTalk | undefined): ReadonlyArray<HashRange> =>
  (talk?.heard ?? []).flatMap((message) => (message._tag === "HashRequest" ? [message.range] : []));

const v2 = makeTreeFixture(FILES, { ...options, version: "v2" });
const hybrid = makeTreeFixture(FILES, { ...options, version: "hybrid" });

/** Fetches from a seed of ours, over a network with some delay. */
const fetches = (fixture: TreeFixture, source: TorrentSource) =>
  Effect.gen(function* () {
    const network = yield* Network.make({ latency: "10 millis" });
    yield* makeQuietSeed(fixture, { network, address: SEED });
    const client = yield* makeClient({ network, address: CLIENT });
    const run = yield* watch(client, requestOf(fixture, { source, peers: at(SEED), noTrackers: true }));
    yield* TestClock.adjust("20 seconds");
    yield* Fiber.join(run.fiber);
    yield* assertTree(client, fixture);
    return run;
  }).pipe(Effect.provide(MemoryTrackers.layer));

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

describe("saving a .torrent", () => {
  /** What is told of a torrent, and when, in seconds. */
  const learns = (
    fixture: TreeFixture,
    source: TorrentSource,
    {
      talks = {},
      wants = true,
      ...change
    }: { talks?: Partial<Parameters<typeof makeFakePeer>[0]>; wants?: boolean; timeout?: number },
  ) =>
    Effect.gen(function* () {
      const network = yield* Network.make({ latency: "10 millis" });
      yield* makeFakePeer({ network, address: SEED, fixture, metadata: {}, ...talks });
      const client = yield* makeClient({ network, address: CLIENT });
      let layers: number | undefined;
      let after = 0;
      const start = yield* Clock.currentTimeMillis;
      const run = yield* Effect.forkChild(
        Stream.runCollect(
          client.metadata(requestOf(fixture, { source, peers: at(SEED), noTrackers: true, ...change }), {
            layers: wants,
            learned: (_, pieceLayers) =>
              Effect.map(Clock.currentTimeMillis, (now) => {
                layers = pieceLayers.size;
                after = Math.floor((now - start) / 1000);
              }),
          }),
        ),
      );
      yield* TestClock.adjust("1 minute");
      const events: ReadonlyArray<DownloadEvent> = yield* Fiber.join(run);
      const warnings = events.flatMap((event) => (event.type === "warning" ? [event.code] : []));
      return { layers, after, warnings };
    }).pipe(Effect.provide(MemoryTrackers.layer));

  it.effect("adds the layers to one that has none", () =>
    Effect.gen(function* () {
      const bare = makeTreeFixture(FILES, { ...options, version: "v2", bare: true });
      const source: TorrentSource = { _tag: "Metainfo", metainfo: bare.metainfo };
      const honest = { talks: { hear: answering((range) => rightAnswer(bare, range)) } };
      assert.deepStrictEqual(yield* learns(bare, source, honest), { layers: 3, after: 0, warnings: [] });
    }),
  );

  it.effect("waits half a minute for those of a hybrid whose peers speak v1, and says that they are missing", () =>
    Effect.gen(function* () {
      const told = yield* learns(hybrid, magnetOf(hybrid, "v1"), {});
      assert.deepStrictEqual(told, { layers: 0, after: 30, warnings: ["layers.missing"] });
      const hurried = yield* learns(hybrid, magnetOf(hybrid, "v1"), { timeout: 10_000 });
      assert.deepStrictEqual(hurried, { layers: 0, after: 5, warnings: ["layers.missing"] });
    }),
  );

  it.effect("waits for none where only the names of files are wanted", () =>
    Effect.gen(function* () {
      const told = yield* learns(v2, magnetOf(v2, "v2"), { wants: false });
      assert.deepStrictEqual(told, { layers: 0, after: 0, warnings: [] });
    }),
  );
});

describe("hashes of pieces", () => {
  /** Fetches by a link from a peer that answers as told, and from an honest one that comes later. */
  const withPeer = (answer: (range: HashRange, talk: FakeTalk) => EncodableMessage | undefined, seconds = 25) =>
    Effect.gen(function* () {
      const network = yield* Network.make({ latency: "10 millis" });
      const fake = yield* makeFakePeer({
        network,
        address: OTHER,
        fixture: v2,
        metadata: {},
        hear: answering(answer),
      });
      const honest = yield* makeFakePeer({
        network,
        address: SEED,
        fixture: v2,
        hear: answering((range) => rightAnswer(v2, range)),
      });
      const client = yield* makeClient({ network, address: CLIENT });
      const source = magnetOf(v2, "v2");
      const run = yield* watch(client, requestOf(v2, { source, peers: at(OTHER), noTrackers: true, port: 6881 }));
      yield* TestClock.adjust("4 seconds");
      assert.isFalse(run.isComplete());
      yield* Effect.forkScoped(honest.dial(`${CLIENT}:6881`));
      yield* TestClock.adjust(`${seconds} seconds`);
      yield* Fiber.join(run.fiber);
      yield* assertTree(client, v2);
      return { run, fake: fake.talks[0], honest: honest.talks[0] };
    }).pipe(Effect.provide(MemoryTrackers.layer));

  it.effect("that do not prove right are not taken, and who sent them is left by name", () =>
    Effect.gen(function* () {
      const { run } = yield* withPeer((range) => {
        const right = rightAnswer(v2, range);
        return right._tag === "Hashes" ? { ...right, hashes: right.hashes.map((byte) => byte ^ 1) } : right;
      });
      assert.deepStrictEqual(run.peer(OTHER), ["connected", "peer.bad-hashes"]);
    }),
  );

  it.effect("that one peer rejects are asked of another, and of the first no more for a while", () =>
    Effect.gen(function* () {
      const { run, fake, honest } = yield* withPeer((range) => ({ _tag: "HashReject", range }));
      assert.deepStrictEqual(run.peer(OTHER), ["connected"]);
      assert.strictEqual(asked(fake).length, 3);
      assert.sameDeepMembers(
        asked(honest).map(({ index, length, proofLayers }) => [index, length, proofLayers]),
        [
          [0, 16, 3],
          [0, 2, 0],
          [0, 2, 0],
        ],
      );
    }),
  );

  it.effect("that one peer does not answer are asked of another after 20 seconds", () =>
    Effect.gen(function* () {
      const { fake, honest } = yield* withPeer(() => undefined);
      assert.strictEqual(asked(fake).length, 3);
      assert.strictEqual(asked(honest).length, 3);
    }),
  );

  it.effect("that the only peer did not answer are asked of it once more after a minute", () =>
    Effect.gen(function* () {
      const network = yield* Network.make({ latency: "10 millis" });
      const heard = new Set<string>();
      const fake = yield* makeFakePeer({
        network,
        address: OTHER,
        fixture: v2,
        metadata: {},
        // The first time it says nothing, the second time it answers to both.
        hear: answering((range, talk) => {
          const isNew = !heard.has(keyOf(range));
          heard.add(keyOf(range));
          if (isNew) return undefined;
          talk.say(rightAnswer(v2, range));
          return rightAnswer(v2, range);
        }),
      });
      const client = yield* makeClient({ network, address: CLIENT });
      const source = magnetOf(v2, "v2");
      const run = yield* watch(client, requestOf(v2, { source, peers: at(OTHER), noTrackers: true }));
      yield* TestClock.adjust("50 seconds");
      assert.isFalse(run.isComplete());
      yield* TestClock.adjust("20 seconds");
      yield* Fiber.join(run.fiber);
      assert.strictEqual(asked(fake.talks[0]).length, 6);
      assert.deepStrictEqual(run.peer(OTHER), ["connected"]);
      yield* assertTree(client, v2);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("are asked of all that have the pieces, in parts of 512 with their proofs", () =>
    Effect.gen(function* () {
      const large = makeTreeFixture([["a", 1_100 * 16_384 + 1]], { version: "v2", pieceLength: 16_384 });
      const network = yield* Network.make({ latency: "10 millis" });
      const fakes = yield* Effect.forEach([SEED, OTHER], (address) =>
        makeFakePeer({
          network,
          address,
          fixture: large,
          metadata: {},
          hear: (message, talk) =>
            message._tag === "Interested" || answering((range) => rightAnswer(large, range))(message, talk),
        }),
      );
      const client = yield* makeClient({ network, address: CLIENT });
      const source = magnetOf(large, "v2");
      let layers = 0;
      const wanted = requestOf(large, { source, peers: at(SEED, OTHER), noTrackers: true });
      const run = yield* Effect.forkChild(
        Stream.runDrain(
          client.metadata(wanted, {
            layers: true,
            learned: (_, pieceLayers) =>
              Effect.sync(() => {
                layers = [...pieceLayers.values()][0]?.length ?? 0;
              }),
          }),
        ),
      );
      yield* TestClock.adjust("5 seconds");
      yield* Fiber.join(run);
      assert.strictEqual(layers, 1_101 * NODE_LENGTH);
      const all = fakes.flatMap(({ talks }) => asked(talks[0]));
      assert.deepStrictEqual(
        fakes.map(({ talks }) => asked(talks[0]).length > 0),
        [true, true],
      );
      assert.sameDeepMembers(
        all.map(({ index, length, proofLayers }) => [index, length, proofLayers]),
        [
          [0, 512, 10],
          [512, 512, 10],
          [1024, 128, 10],
        ],
      );
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

describe("hashes of blocks", () => {
  it.effect("tell who sent the wrong one, before the piece is right", () =>
    Effect.gen(function* () {
      const length = 16 * 16_384;
      const one = makeTreeFixture([["a", length]], { version: "v2", pieceLength: length });
      const network = yield* Network.make({ latency: "10 millis" });
      const honest = yield* makeFakePeer({
        network,
        address: SEED,
        fixture: one,
        hear: (message, talk) => {
          if (message._tag === "HashRequest") talk.say(rightAnswer(one, message.range));
          // It is slow: the other one is asked for some of the blocks, and for the rest again.
          return message._tag === "HashRequest" || (message._tag === "Request" && message.begin > length / 2);
        },
      });
      const liar = yield* makeFakePeer({
        network,
        address: OTHER,
        fixture: one,
        hear: (message, talk) => {
          if (message._tag !== "Request") return false;
          talk.sendBlock(message, new Uint8Array(message.length));
          return true;
        },
      });
      const client = yield* makeClient({ network, address: CLIENT });
      const run = yield* watch(client, requestOf(one, { peers: at(SEED, OTHER), noTrackers: true }));
      yield* TestClock.adjust("3 minutes");
      const [range] = asked(honest.talks[0]);
      assert.deepInclude(range, { base: 0, index: 0, length: 16, proofLayers: 0 });
      assert.include(run.peer(OTHER), "peer.banned");
      assert.notInclude(run.peer(SEED), "peer.banned");
      assert.isFalse(run.isComplete());
      assert.isAbove(liar.talks.length, 0);
      yield* Fiber.interrupt(run.fiber);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});

describe("a seed of v2", () => {
  const ask = (fixture: TreeFixture, ranges: ReadonlyArray<HashRange>) =>
    Effect.gen(function* () {
      const network = yield* Network.make({ latency: "10 millis" });
      yield* makeQuietSeed(fixture, { network, address: SEED });
      const fake = yield* makeFakePeer({
        network,
        address: OTHER,
        fixture,
        infoHash: truncatedOf(fixture),
        greet: (talk) => {
          talk.say({ _tag: "HaveNone" });
          for (const range of ranges) talk.say({ _tag: "HashRequest", range });
        },
      });
      yield* Effect.forkScoped(fake.dial(`${SEED}:6881`));
      yield* TestClock.adjust("5 seconds");
      const talk = fake.talks[0];
      assert.isFalse(talk?.ended);
      assert.isFalse(talk?.heard.some(({ _tag }) => _tag === "Unchoke"));
      return (talk?.heard ?? []).flatMap((message) =>
        message._tag === "Hashes" || message._tag === "HashReject" ? [message] : [],
      );
    }).pipe(Effect.provide(MemoryTrackers.layer));

  const [a, , c, d] = v2.metainfo.info.files;
  const root = a?.piecesRoot ?? new Uint8Array(NODE_LENGTH);

  it.effect("gives the hashes of pieces and blocks with proofs to whom it chokes", () =>
    Effect.gen(function* () {
      const ranges: ReadonlyArray<HashRange> = [
        { root, base: 1, index: 0, length: 16, proofLayers: 3 },
        { root, base: 1, index: 8, length: 2, proofLayers: 3 },
        { root, base: 0, index: 4, length: 2, proofLayers: 0 },
        { root, base: 0, index: 18, length: 2, proofLayers: 4 },
        { root: d?.piecesRoot ?? root, base: 0, index: 2, length: 2, proofLayers: 1 },
      ];
      for (const fixture of [v2, hybrid]) {
        const answers = yield* ask(fixture, ranges);
        assert.deepStrictEqual(
          answers.toSorted(
            (x, y) =>
              ranges.findIndex((r) => r.index === x.range.index && r.base === x.range.base) -
              ranges.findIndex((r) => r.index === y.range.index && r.base === y.range.base),
          ),
          ranges.map((range) => rightAnswer(v2, range)),
        );
      }
      const [, two] = ranges.map((range) => rightAnswer(v2, range));
      assert.strictEqual(two?._tag, "Hashes");
      if (two?._tag !== "Hashes") return;
      const over = nodeOver(two.hashes.subarray(0, 64), 1, 2, digests.sha256);
      assert.strictEqual(Hex.encode(rootAbove(over, 4, two.hashes.subarray(64), digests.sha256)), Hex.encode(root));
      assert.strictEqual(levelsOver(16) + 1, treeHeight(a?.length ?? 0));
    }),
  );

  it.effect("gives no hashes of what has changed on disk", () =>
    Effect.gen(function* () {
      const network = yield* Network.make({ latency: "10 millis" });
      const client = yield* makeClient({ network, address: SEED });
      for (const [name, bytes] of v2.content) yield* client.disk.put(`/d/many/${name}`, bytes);
      yield* watch(client, requestOf(v2, { seed: true, port: 6881, noTrackers: true }));
      yield* TestClock.adjust("1 second");
      yield* client.disk.put("/d/many/a", new Uint8Array(9 * PIECE + 20_000));
      const range: HashRange = { root, base: 0, index: 0, length: 2, proofLayers: 0 };
      const fake = yield* makeFakePeer({
        network,
        address: OTHER,
        fixture: v2,
        greet: (talk) => talk.say({ _tag: "HaveNone" }, { _tag: "HashRequest", range }),
      });
      yield* Effect.forkScoped(fake.dial(`${SEED}:6881`));
      yield* TestClock.adjust("5 seconds");
      const answers = (fake.talks[0]?.heard ?? []).filter(({ _tag }) => _tag === "Hashes" || _tag === "HashReject");
      assert.deepStrictEqual(answers, [{ _tag: "HashReject", range }]);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("rejects what no file has, and more at a time than it may be kept busy with", () =>
    Effect.gen(function* () {
      const bad: ReadonlyArray<HashRange> = [
        { root: new Uint8Array(NODE_LENGTH).fill(9), base: 1, index: 0, length: 16, proofLayers: 3 },
        { root, base: 1, index: 0, length: 512, proofLayers: 3 },
        { root, base: 1, index: 0, length: 16, proofLayers: 4 },
        { root, base: 2, index: 0, length: 2, proofLayers: 0 },
        { root, base: 0, index: 0, length: 4, proofLayers: 0 },
        { root, base: 0, index: 20, length: 2, proofLayers: 0 },
        { root: c?.piecesRoot ?? root, base: 0, index: 0, length: 2, proofLayers: 0 },
      ];
      assert.deepStrictEqual(
        yield* ask(v2, bad),
        bad.map((range) => ({ _tag: "HashReject" as const, range })),
      );
      const many = Array.from({ length: 9 }, (_, piece): HashRange => ({
        root,
        base: 0,
        index: 2 * piece,
        length: 2,
        proofLayers: 0,
      }));
      const answers = yield* ask(v2, many);
      assert.strictEqual(answers.length, 9);
      assert.isAtLeast(answers.filter(({ _tag }) => _tag === "HashReject").length, 4);
      assert.isAtLeast(answers.filter(({ _tag }) => _tag === "Hashes").length, 4);
    }),
  );
});

describe("hostile talk of hashes", () => {
  const partedFrom = (greet: (talk: FakeTalk) => void, infoHash = truncatedOf(v2)) =>
    Effect.gen(function* () {
      const network = yield* Network.make({ latency: "10 millis" });
      const seed = yield* makeQuietSeed(v2, { network, address: SEED });
      const fake = yield* makeFakePeer({ network, address: OTHER, fixture: v2, infoHash, greet });
      yield* Effect.forkScoped(fake.dial(`${SEED}:6881`));
      yield* TestClock.adjust("10 seconds");
      return { codes: seed.peer(OTHER), rejected: fake.talks[0]?.heard.length ?? 0 };
    }).pipe(Effect.provide(MemoryTrackers.layer));
  const range: HashRange = { root: new Uint8Array(NODE_LENGTH), base: 0, index: 0, length: 2, proofLayers: 0 };

  it.effect("ends where hashes come that nobody asked for; a reject of what nobody asked for is nothing", () =>
    Effect.gen(function* () {
      const { codes } = yield* partedFrom((talk) =>
        talk.say({ _tag: "HaveNone" }, { _tag: "Hashes", range, hashes: new Uint8Array(64) }),
      );
      assert.deepStrictEqual(codes, ["connected", "peer.unrequested"]);
      const rejecting = yield* partedFrom((talk) => talk.say({ _tag: "HaveNone" }, { _tag: "HashReject", range }));
      assert.deepStrictEqual(rejecting.codes, ["connected"]);
    }),
  );

  it.effect("ends where nothing else comes than requests that have to be rejected", () =>
    Effect.gen(function* () {
      const { codes } = yield* partedFrom((talk) => {
        talk.say({ _tag: "HaveNone" });
        for (let i = 0; i < 3_000; i++) talk.say({ _tag: "HashRequest", range: { ...range, index: 2 * i } });
      });
      assert.deepStrictEqual(codes, ["connected", "peer.flood"]);
    }),
  );

  it.effect("is served no faster than a peer needs it: more answers a second are rejected", () =>
    Effect.gen(function* () {
      const root = v2.metainfo.info.files[0]?.piecesRoot ?? new Uint8Array(NODE_LENGTH);
      const network = yield* Network.make({ latency: "10 millis" });
      yield* makeQuietSeed(v2, { network, address: SEED });
      const whole: HashRange = { root, base: 1, index: 0, length: 16, proofLayers: 3 };
      const fake = yield* makeFakePeer({
        network,
        address: OTHER,
        fixture: v2,
        greet: (talk) => {
          talk.say({ _tag: "HaveNone" });
          for (let i = 0; i < 300; i++) talk.say({ _tag: "HashRequest", range: whole });
        },
      });
      yield* Effect.forkScoped(fake.dial(`${SEED}:6881`));
      yield* TestClock.adjust("5 seconds");
      const heard = fake.talks[0]?.heard ?? [];
      assert.strictEqual(heard.filter(({ _tag }) => _tag === "Hashes").length, 256);
      assert.strictEqual(heard.filter(({ _tag }) => _tag === "HashReject").length, 44);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});

describe("a hybrid", () => {
  it.effect("is fetched from one peer that is only in the v1 swarm and one that is only in v2's", () =>
    Effect.gen(function* () {
      const network = yield* Network.make({ latency: "10 millis" });
      const trackers = yield* MemoryTrackers;
      const { infoHash, pieceCount } = hybrid.metainfo.info;
      const halves = [
        { address: SEED, name: infoHash, has: (index: number) => index % 2 === 0 },
        { address: OTHER, name: truncatedOf(hybrid), has: (index: number) => index % 2 === 1 },
      ];
      const fakes = yield* Effect.forEach(halves, ({ address, has, name }) =>
        Effect.gen(function* () {
          yield* trackers.add(TRACKER, name, NetAddress.inetAddressFromStringUnsafe(`${address}:6881`));
          return yield* makeFakePeer({
            network,
            address,
            fixture: hybrid,
            infoHash: name,
            strict: true,
            greet: (talk) => {
              talk.say({ _tag: "HaveNone" });
              for (let index = 0; index < pieceCount; index++) if (has(index)) talk.say({ _tag: "Have", index });
            },
          });
        }),
      );
      const client = yield* makeClient({ network, address: CLIENT });
      const run = yield* watch(client, requestOf(hybrid, { trackers: [TRACKER] }));
      yield* TestClock.adjust("20 seconds");
      yield* Fiber.join(run.fiber);
      yield* assertTree(client, hybrid);
      // v1's hash with the offer of v2 comes first, for either.
      assert.deepStrictEqual(
        fakes.map(({ talks }) => talks.map(({ theirs }) => [theirs.infoHash.hex, theirs.v2Upgrade])),
        [[[infoHash.hex, true]], [[truncatedOf(hybrid).hex, false]]],
      );
      assert.strictEqual(fakes[1]?.accepted(), 3);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("goes on with v2 between two of ours, and encrypted under either hash", () =>
    Effect.gen(function* () {
      for (const encryption of ["allow", "require"] as const) {
        const network = yield* Network.make({ latency: "10 millis" });
        const seed = yield* makeClient({ network, address: SEED });
        for (const [name, bytes] of hybrid.content) yield* seed.disk.put(`/d/many/${name}`, bytes);
        yield* watch(seed, requestOf(hybrid, { seed: true, port: 6881, noTrackers: true, encryption }));
        yield* TestClock.adjust("1 second");
        const client = yield* makeClient({ network, address: CLIENT });
        const source = magnetOf(hybrid, "v2");
        const run = yield* watch(client, requestOf(hybrid, { source, peers: at(SEED), noTrackers: true, encryption }));
        yield* TestClock.adjust("20 seconds");
        yield* Fiber.join(run.fiber);
        yield* assertTree(client, hybrid);
      }
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("is found in the local network by either hash", () =>
    Effect.gen(function* () {
      for (const version of ["v1", "v2"] as const) {
        const network = yield* Network.make({ latency: "10 millis" });
        yield* makeQuietSeed(hybrid, { network, address: SEED, lsd: true });
        const client = yield* makeClient({ network, address: CLIENT, lsd: true });
        const run = yield* watch(client, requestOf(hybrid, { source: magnetOf(hybrid, version), noTrackers: true }));
        yield* TestClock.adjust("30 seconds");
        yield* Fiber.join(run.fiber);
        yield* assertTree(client, hybrid);
      }
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("blames by blocks only where there is something to prove their hashes by", () =>
    Effect.gen(function* () {
      const length = 16 * 16_384;
      const one = makeTreeFixture([["a", 2 * length]], { version: "hybrid", pieceLength: length, bare: true });
      const network = yield* Network.make({ latency: "10 millis" });
      // Under v2's hash; it has all pieces, but gives no hashes of pieces.
      const fake = (address: string, lies: boolean) =>
        makeFakePeer({
          network,
          address,
          fixture: one,
          infoHash: truncatedOf(one),
          hear: (message, talk) => {
            if (message._tag === "HashRequest") talk.say({ _tag: "HashReject", range: message.range });
            if (lies && message._tag === "Request") talk.sendBlock(message, new Uint8Array(message.length));
            return message._tag === "HashRequest" || (lies && message._tag === "Request");
          },
        });
      const honest = yield* fake(SEED, false);
      yield* fake(OTHER, true);
      const client = yield* makeClient({ network, address: CLIENT });
      const run = yield* watch(client, requestOf(one, { peers: at(SEED, OTHER), noTrackers: true }));
      yield* TestClock.adjust("2 minutes");
      yield* Fiber.join(run.fiber);
      yield* assertTree(client, one);
      assert.isTrue(asked(honest.talks[0]).every(({ base }) => base === 4));
      assert.notInclude(run.peer(SEED), "peer.banned");
      assert.notInclude(run.peer(SEED), "peer.bad-hashes");
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});
