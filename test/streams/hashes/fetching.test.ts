import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber, Stream } from "effect";
import { TestClock } from "effect/testing";
import { type HashRange, keyOf } from "../../../src/schema/hashRange.ts";
import { NODE_LENGTH } from "../../../src/schema/merkle.ts";
import type { EncodableMessage } from "../../../src/schema/message.ts";
import * as Network from "../../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../../src/services/Tracker/memory.ts";
import { type FakeTalk, makeFakePeer } from "../../support/fakePeer.ts";
import { makeClient, requestOf, watch } from "../../support/swarm.ts";
import { makeTreeFixture } from "../../support/trees.ts";
import { assertTree } from "../../support/treeSwarm.ts";
import { CLIENT, OTHER, SEED, answering, asked, at, magnetOf, rightAnswer, v2 } from "./fixtures.ts";

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
