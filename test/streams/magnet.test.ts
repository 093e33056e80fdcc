import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber } from "effect";
import { TestClock } from "effect/testing";
import type { Magnet } from "../../src/schema/magnet.ts";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { type DownloadRequest, request } from "../../src/streams/request.ts";
import { type FakeOptions, makeFakePeer } from "../support/fakePeer.ts";
import { type Fixture, makeClient, makeFixture, watch } from "../support/swarm.ts";

const CLIENT = "10.0.0.2";
const PAYLOAD = "/d/payload.bin";

/** So many small pieces that the metadata takes three pieces of its own. */
const fixture = makeFixture({ length: 2_000 * 1_024, pieceLength: 1_024 });

const magnetOf = ({ metainfo }: Fixture, peers: ReadonlyArray<string>): DownloadRequest => {
  const { infoHash, infoHashV1 } = metainfo.info;
  const magnet: Magnet = {
    infoHash,
    ...(infoHashV1 !== undefined && { infoHashV1 }),
    trackers: [],
    webSeeds: [],
    peers: peers.map((host) => ({ host, port: 6881 })),
    nodes: [],
  };
  return { ...request({ _tag: "Magnet", magnet }, "/d"), noTrackers: true };
};

/** A client that downloads the fixture by its magnet from these peers. */
const from = (peers: Readonly<Record<string, Partial<FakeOptions>>>, of = fixture) =>
  Effect.gen(function* () {
    const network = yield* Network.make({ latency: "10 millis" });
    const fakes = yield* Effect.forEach(Object.entries(peers), ([address, options]) =>
      makeFakePeer({ network, address, fixture: of, metadata: {}, ...options }),
    );
    const client = yield* makeClient({ network, address: CLIENT });
    const run = yield* watch(client, magnetOf(of, Object.keys(peers)));
    yield* Effect.addFinalizer(() => Fiber.interrupt(run.fiber));
    return { network, fakes, client, run };
  });

const asked = (fake: { readonly talks: ReadonlyArray<{ readonly heard: ReadonlyArray<{ readonly _tag: string }> }> }) =>
  fake.talks.flatMap(({ heard }) => heard.filter(({ _tag }) => _tag === "Extended")).length;

describe("a magnet", () => {
  it.effect("gets its metadata and its data from one peer", () =>
    Effect.gen(function* () {
      const { client, run } = yield* from({ "10.0.0.1": {} });
      yield* TestClock.adjust("20 seconds");
      assert.isTrue(run.isComplete());
      assert.strictEqual(run.events.find(({ type }) => type === "started")?.type, "started");
      assert.deepStrictEqual(yield* client.disk.get(PAYLOAD), fixture.bytes);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("gets its metadata from several peers when one rejects and one never answers", () =>
    Effect.gen(function* () {
      const { fakes, run } = yield* from({
        "10.0.0.1": { metadata: { answer: (piece) => ({ _tag: "Reject", piece }) } },
        "10.0.0.3": { metadata: { answer: () => undefined } },
        "10.0.0.4": { metadata: { answer: (piece, right) => (piece === 2 ? { _tag: "Reject", piece } : right) } },
        "10.0.0.5": { metadata: { answer: (piece, right) => (piece === 2 ? right : { _tag: "Reject", piece }) } },
      });
      yield* TestClock.adjust("60 seconds");
      assert.isTrue(run.isComplete());
      for (const fake of fakes) assert.isAbove(asked(fake), 1);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("bans the only peer whose metadata is wrong, and takes it from another", () =>
    Effect.gen(function* () {
      const { client, run, network } = yield* from({
        "10.0.0.66": {
          metadata: {
            answer: (_piece, right) => (right._tag === "Data" ? { ...right, data: right.data.fill(7) } : right),
          },
        },
      });
      yield* TestClock.adjust("5 seconds");
      assert.include(run.peer("10.0.0.66"), "peer.banned");
      const honest = yield* makeFakePeer({ network, address: "10.0.0.1", fixture, metadata: {} });
      assert.isDefined(honest);
      assert.isUndefined(yield* client.disk.get(PAYLOAD));
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("completes among liars, who are banned, and an honest peer, who is not", () =>
    Effect.gen(function* () {
      const lie: Partial<FakeOptions> = {
        metadata: {
          answer: (_piece, right) => (right._tag === "Data" ? { ...right, data: right.data.fill(7) } : right),
        },
      };
      const { client, run } = yield* from({ "10.0.0.66": lie, "10.0.0.1": {}, "10.0.0.67": lie });
      yield* TestClock.adjust("120 seconds");
      assert.isTrue(run.isComplete());
      assert.deepStrictEqual(run.peer("10.0.0.1"), ["connected"]);
      assert.deepStrictEqual(yield* client.disk.get(PAYLOAD), fixture.bytes);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("is not held up by sizes that nobody can mean", () =>
    Effect.gen(function* () {
      const huge = [2 ** 40, 30_000_001, 29_999_999, 999, 1_000, 1_001, 1_002];
      const liars = huge.map((size, at): [string, Partial<FakeOptions>] => [
        `10.0.1.${at + 1}`,
        { metadata: { size, answer: () => undefined } },
      ]);
      const { run } = yield* from({ ...Object.fromEntries(liars), "10.0.0.1": {} });
      yield* TestClock.adjust("120 seconds");
      assert.isTrue(run.isComplete());
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("forgets the addresses that the link named once the torrent turns out to be private (BEP 27)", () =>
    Effect.gen(function* () {
      const secret = makeFixture({ length: 600_000, pieceLength: 32_768, private: true });
      const { run, fakes } = yield* from(
        {
          "10.0.0.1": {
            hear: (message, talk) => {
              if (message._tag !== "Request") return false;
              talk.hangUp();
              return true;
            },
          },
        },
        secret,
      );
      yield* TestClock.adjust("300 seconds");
      assert.isTrue(run.events.some((event) => event.type === "metadata" && event.private));
      assert.strictEqual(fakes[0]?.accepted(), 1);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});
