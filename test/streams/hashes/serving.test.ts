import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { Hex } from "effect/encoding";
import { TestClock } from "effect/testing";
import type { HashRange } from "../../../src/schema/hashRange.ts";
import { levelsOver, NODE_LENGTH, nodeOver, rootAbove } from "../../../src/schema/merkle.ts";
import { treeHeight } from "../../../src/schema/merkleProof.ts";
import * as Network from "../../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../../src/services/Tracker/memory.ts";
import { digests } from "../../support/digests.ts";
import { type FakeTalk, makeFakePeer } from "../../support/fakePeer.ts";
import { makeClient, requestOf, watch } from "../../support/swarm.ts";
import type { TreeFixture } from "../../support/trees.ts";
import { OTHER, PIECE, SEED, hybrid, makeQuietSeed, rightAnswer, truncatedOf, v2 } from "./fixtures.ts";

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
