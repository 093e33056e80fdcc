import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber } from "effect";
import { TestClock } from "effect/testing";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { type FakeOptions, makeFakePeer } from "../support/fakePeer.ts";
import { makeClient, makeFixture, requestOf, watch } from "../support/swarm.ts";

const PEER = "10.0.0.1";
const CLIENT = "10.0.0.2";
const fixture = makeFixture({ length: 300_000, pieceLength: 65_536 });

/** A download that is connected to one peer. */
const connected = (options: Partial<FakeOptions>) =>
  Effect.gen(function* () {
    const network = yield* Network.make({ latency: "10 millis" });
    const fake = yield* makeFakePeer({ network, address: PEER, fixture, ...options });
    const client = yield* makeClient({ network, address: CLIENT });
    const peers = [{ host: PEER, port: 6881 }];
    const run = yield* watch(client, requestOf(fixture, { peers, noTrackers: true }));
    yield* Effect.addFinalizer(() => Fiber.interrupt(run.fiber));
    yield* TestClock.adjust("1 second");
    const [talk] = fake.talks;
    assert.isDefined(talk);
    return { talk, run, network };
  });

describe("the timers of a conversation", () => {
  it.effect("send a keep-alive after 100 s of silence of ours, and part after 125 s of the peer's (BEP 3)", () =>
    Effect.gen(function* () {
      const { talk, run } = yield* connected({ greet: () => {} });
      const keepAlives = () => talk.heard.filter(({ _tag }) => _tag === "KeepAlive").length;
      yield* TestClock.adjust("98 seconds");
      assert.strictEqual(keepAlives(), 0);
      yield* TestClock.adjust("3 seconds");
      assert.strictEqual(keepAlives(), 1);
      assert.deepStrictEqual(run.peer(PEER), ["connected"]);
      yield* TestClock.adjust("25 seconds");
      assert.deepStrictEqual(run.peer(PEER), ["connected", "peer.idle"]);
      assert.isTrue(talk.ended);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("part from a peer when neither side has wanted anything for 10 min", () =>
    Effect.gen(function* () {
      const { talk, run } = yield* connected({ greet: () => {} });
      for (let minute = 0; minute < 9; minute++) {
        yield* TestClock.adjust("1 minute");
        talk.say({ _tag: "KeepAlive" });
      }
      assert.deepStrictEqual(run.peer(PEER), ["connected"]);
      yield* TestClock.adjust("65 seconds");
      assert.deepStrictEqual(run.peer(PEER), ["connected", "peer.useless"]);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("keep a peer that chokes us as long as it has what we want", () =>
    Effect.gen(function* () {
      const { talk, run } = yield* connected({ hear: ({ _tag }) => _tag === "Interested" });
      for (let minute = 0; minute < 15; minute++) {
        yield* TestClock.adjust("1 minute");
        talk.say({ _tag: "KeepAlive" });
      }
      assert.deepStrictEqual(run.peer(PEER), ["connected"]);
      talk.say({ _tag: "Unchoke" });
      yield* TestClock.adjust("5 seconds");
      assert.isTrue(run.isComplete());
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("take requests back from a peer that answers none, for one that does", () =>
    Effect.gen(function* () {
      const { run, network } = yield* connected({ hear: ({ _tag }) => _tag === "Request" });
      yield* TestClock.adjust("21 seconds");
      assert.isFalse(run.isComplete());
      const other = yield* makeFakePeer({ network, address: "10.0.0.3", fixture });
      const progress = run.events.findLast((event) => event.type === "started");
      yield* Effect.forkScoped(other.dial(`${CLIENT}:${progress?.port ?? 0}`));
      yield* TestClock.adjust("5 seconds");
      assert.isTrue(run.isComplete());
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});
