import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import { peerPriority } from "../../src/schema/peerPriority.ts";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { replaceable } from "../../src/streams/replacing.ts";
import { makeFakePeer } from "../support/fakePeer.ts";
import { makeClient, makeFixture, makeSeed, requestOf, watch } from "../support/swarm.ts";

const at = NetAddress.inetAddressFromStringUnsafe;
const US = at("192.0.2.1:6881");
const NOW = 100_000;

/** Hosts of 10.0.x.1 by their priority with `own`, lowest first. */
const ranked = (own: NetAddress.InetAddress): ReadonlyArray<string> =>
  Array.from({ length: 8 }, (_, index) => `10.${index + 1}.0.1`).toSorted(
    (a, b) => peerPriority(own, at(`${a}:1`)) - peerPriority(own, at(`${b}:1`)),
  );

const member = (host: string, change: { since?: number; rate?: number; wants?: boolean; choked?: boolean } = {}) => ({
  address: `${host}:1`,
  connectedAt: change.since ?? 0,
  downloadRate: () => change.rate ?? 0,
  wants: () => change.wants ?? false,
  choked: () => change.choked ?? true,
});

describe("replaceable", () => {
  const hosts = ranked(US);
  const [worst = "", worse = "", , , , , , best = ""] = hosts;
  const options = { vantage: { towards: () => US }, now: NOW };
  const goes = (members: ReadonlyArray<ReturnType<typeof member>>, newcomer: string) =>
    replaceable(members, at(`${newcomer}:1`), options)?.address;

  it("is the one of lowest priority, if that is lower than the newcomer's", () => {
    assert.strictEqual(goes([member(worse), member(worst), member(best)], hosts[3] ?? ""), `${worst}:1`);
    assert.isUndefined(goes([member(worse), member(best)], worst));
    assert.isUndefined(goes([], best));
  });

  it("is nobody who is new, gives us something, or is being served", () => {
    const members = [
      member(worst, { since: NOW - 59_999 }),
      member(worst, { rate: 5_000 }),
      member(worst, { wants: true, choked: false }),
    ];
    assert.isUndefined(goes(members, best));
    assert.strictEqual(goes([...members, member(worse, { wants: true, choked: true, rate: 100 })], best), `${worse}:1`);
  });
});

describe("a download that is full", () => {
  it.effect("parts from who is of no use when it could dial somebody of higher priority, after a while", () =>
    Effect.gen(function* () {
      const fixture = makeFixture({ length: 100_000, pieceLength: 32_768 });
      const network = yield* Network.make({ latency: "10 millis" });
      const [low = "", , high = ""] = ranked(at("0.0.0.0:0"));
      for (const address of [low, high]) yield* makeFakePeer({ network, address, fixture, greet: () => {} });
      const client = yield* makeClient({ network, address: "10.0.0.1" });
      const peers = [low, high, "10.99.0.1"].map((host) => ({ host, port: 6881 }));
      const run = yield* watch(client, requestOf(fixture, { peers, noTrackers: true, maxPeers: 1 }));
      yield* TestClock.adjust("55 seconds");
      assert.deepStrictEqual([run.peer(low), run.peer(high)], [["connected"], []]);
      yield* TestClock.adjust("40 seconds");
      assert.deepStrictEqual([run.peer(low), run.peer(high)], [["connected", "peer.full"], ["connected"]]);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );

  it.effect("parts from who is of no use when somebody of higher priority comes, not from anybody else", () =>
    Effect.gen(function* () {
      const fixture = makeFixture({ length: 100_000, pieceLength: 32_768 });
      const network = yield* Network.make({ latency: "10 millis" });
      // These peers do not tell it where they see it.
      const own = at("0.0.0.0:6881");
      const [lowest = "", middle = "", , , , , , highest = ""] = ranked(own);
      yield* makeSeed(fixture, { network, address: "10.0.0.1" }, { maxPeers: 2 });
      yield* TestClock.adjust("1 second");
      const come = (address: string) =>
        Effect.gen(function* () {
          const peer = yield* makeFakePeer({ network, address, fixture, greet: () => {} });
          yield* Effect.forkScoped(peer.dial("10.0.0.1:6881"));
          yield* TestClock.adjust("2 seconds");
          return () => peer.talks.map(({ ended }) => (ended ? "left" : "stays"));
        });
      const [one, two] = [yield* come(lowest), yield* come(highest)];
      const early = yield* come(middle);
      assert.deepStrictEqual([one(), two(), early()], [["stays"], ["stays"], []]);
      yield* TestClock.adjust("60 seconds");
      const late = yield* come(ranked(own)[2] ?? "");
      assert.deepStrictEqual([one(), two(), late()], [["left"], ["stays"], ["stays"]]);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});
