import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber } from "effect";
import { NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import * as Network from "../../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../../src/services/Tracker/memory.ts";
import { makeFakePeer } from "../../support/fakePeer.ts";
import { makeClient, requestOf, TRACKER, watch } from "../../support/swarm.ts";
import { makeTreeFixture } from "../../support/trees.ts";
import { assertTree } from "../../support/treeSwarm.ts";
import { CLIENT, OTHER, SEED, asked, at, hybrid, magnetOf, makeQuietSeed, truncatedOf } from "./fixtures.ts";

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
