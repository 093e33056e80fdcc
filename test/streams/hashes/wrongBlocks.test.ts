import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber, Layer, Stream } from "effect";
import { TestClock } from "effect/testing";
import { BLOCK_LENGTH } from "../../../src/schema/block.ts";
import { DataSettings, defaultDataSettings } from "../../../src/schema/settings.ts";
import * as Network from "../../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../../src/services/Tracker/memory.ts";
import { Transport } from "../../../src/services/Transport/Transport.ts";
import { type FakePeer, makeFakePeer } from "../../support/fakePeer.ts";
import { makeClient, requestOf, watch } from "../../support/swarm.ts";
import { makeTreeFixture } from "../../support/trees.ts";
import { assertTree } from "../../support/treeSwarm.ts";
import { answering, at, CLIENT, OTHER, rightAnswer, SEED, truncatedOf } from "./fixtures.ts";

const BLOCKS = 16;
const ALL = Array.from({ length: BLOCKS }, (_, block) => block);
/** The liars, in their turn, and the one block that each sends wrong. */
const LIARS = [OTHER, "10.0.0.4"] as const;
const LIES = [3, 5] as const;

/** The blocks that a peer was asked for, in order. */
const askedOf = ({ talks }: FakePeer): ReadonlyArray<number> =>
  (talks[0]?.heard ?? []).flatMap((message) => (message._tag === "Request" ? [message.begin / BLOCK_LENGTH] : []));

const sorted = (blocks: ReadonlyArray<number>): ReadonlyArray<number> => blocks.toSorted((a, b) => a - b);

/** Whose connections take a while to close: so long the other side is still there. */
const slowToClose = Layer.effect(
  Transport,
  Effect.map(Transport, (inner) =>
    Transport.of({
      ...inner,
      listen: (options) =>
        Effect.map(inner.listen(options), (listener) => ({
          ...listener,
          incoming: Stream.map(listener.incoming, (incoming) => ({
            ...incoming,
            accept: Effect.tap(
              incoming.accept,
              Effect.addFinalizer(() => Effect.sleep("2 seconds")),
            ),
          })),
        })),
    }),
  ),
);

/**
 * Fetches a piece of which an honest peer keeps a block back, until a liar is asked for it as well and sends it wrong. At the first lie no hashes of blocks are
 * known, at the second they are. Gives what was asked for again after either.
 */
const lieTwice = (version: "v2" | "hybrid") =>
  Effect.gen(function* () {
    const fixture = makeTreeFixture([["a", BLOCKS * BLOCK_LENGTH - 7]], {
      version,
      pieceLength: BLOCKS * BLOCK_LENGTH,
    });
    const network = yield* Network.make({ latency: "10 millis" });
    const shared = { network, fixture, infoHash: truncatedOf(fixture) };
    /** What the honest peer had been asked for when each of the lies was told. */
    const before: Array<number> = [];
    const tells = answering((range) => rightAnswer(fixture, range));
    const honest: FakePeer = yield* makeFakePeer({
      ...shared,
      address: SEED,
      hear: (message, talk) =>
        tells(message, talk) ||
        (message._tag === "Request" && message.begin === (LIES[before.length] ?? -1) * BLOCK_LENGTH),
    });
    const liars = yield* Effect.forEach(LIARS, (address, turn) =>
      makeFakePeer({
        ...shared,
        address,
        hear: (message, talk) => {
          answering((range) => ({ _tag: "HashReject", range }))(message, talk);
          const isDue = before.length === turn;
          if (message._tag === "Request" && isDue && message.begin === (LIES[turn] ?? 0) * BLOCK_LENGTH) {
            before.push(askedOf(honest).length);
            talk.sendBlock(message, new Uint8Array(message.length));
          }
          // It unchokes us when its turn has come, and gives nothing else.
          return true;
        },
      }),
    );
    const client = yield* makeClient({ network, address: CLIENT, transport: slowToClose });
    const run = yield* watch(client, requestOf(fixture, { peers: at("10.9.9.9"), noTrackers: true, port: 6881 }));
    // The liars first: whoever asks all peers in order would ask them before the honest one.
    for (const peer of [...liars, honest]) {
      yield* TestClock.adjust("100 millis");
      yield* Effect.forkScoped(peer.dial(`${CLIENT}:6881`));
    }
    for (const [turn, liar] of liars.entries()) {
      // By then the honest one was asked for everything.
      yield* TestClock.adjust("5 seconds");
      liar.talks[0]?.say({ _tag: "Unchoke" });
      for (let step = 0; before.length === turn; step++) {
        assert.isBelow(step, 100, "nobody lies");
        yield* TestClock.adjust("20 millis");
      }
    }
    // As long as a wrong block, and the request for the right one, are on their way.
    yield* TestClock.adjust("20 millis");
    const atOnce = askedOf(honest).slice(before[1]);
    yield* TestClock.adjust("30 seconds");
    yield* Fiber.join(run.fiber);
    yield* assertTree(client, fixture);
    assert.deepStrictEqual(run.peer(SEED), ["connected"]);
    assert.strictEqual(run.peer(LIARS[1]).at(-1), "peer.banned");
    return {
      first: sorted(askedOf(honest).slice(before[0], before[1])),
      second: sorted(askedOf(honest).slice(before[1])),
      atOnce,
      ofLiar: liars[1] === undefined ? [] : askedOf(liars[1]),
      warnings: run.events.flatMap((event) => (event.type === "warning" ? [event.message] : [])),
    };
  }).pipe(Effect.provide(MemoryTrackers.layer));

const inRuns: DataSettings = {
  bufferBytes: defaultDataSettings.bufferBytes,
  runLength: 4 * BLOCK_LENGTH,
  writes: defaultDataSettings.writes,
  recordInterval: defaultDataSettings.recordInterval,
  syncInterval: defaultDataSettings.syncInterval,
};
const whole = "piece 0 failed its check and is fetched again";

describe("a piece that fails when the hashes of its blocks are known", () => {
  for (const version of ["v2", "hybrid"] as const)
    it.effect(`is fetched again by its wrong block alone, at once, and not of the liar (${version})`, () =>
      Effect.gen(function* () {
        const { first, second, atOnce, ofLiar, warnings } = yield* lieTwice(version);
        assert.deepStrictEqual(first, ALL, "their hashes are asked for when it has failed once");
        assert.deepStrictEqual(second, [5]);
        assert.deepStrictEqual(atOnce, [5]);
        assert.deepStrictEqual(ofLiar, [5]);
        assert.deepStrictEqual(warnings, [whole, `${whole} (1 of 16 blocks)`]);
      }),
    );

  it.effect("is fetched again as a whole where it is longer than a run", () =>
    Effect.gen(function* () {
      const { first, second, warnings } = yield* lieTwice("v2");
      assert.deepStrictEqual([first, second], [ALL, ALL]);
      assert.deepStrictEqual(warnings, [whole, whole]);
    }).pipe(Effect.provideService(DataSettings, inRuns)),
  );
});
