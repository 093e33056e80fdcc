import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { Choker } from "../../../src/services/Choker/Choker.ts";
import { roundRobin } from "../../../src/services/Choker/roundRobin.ts";
import { slotsFor } from "../../../src/services/Choker/slots.ts";
import { type Case, newcomer, peer, round } from "./standings.ts";

const SERVED = { choked: false, since: 30_000, sent: 20_000 };

const cases: ReadonlyArray<Case> = [
  ["unchokes nobody who does not care", [peer(1, { interested: false })], {}, {}],
  [
    "takes those that wait longest",
    [peer(1, { since: 30 }), peer(2, { since: 10 }), peer(3, { since: 20 })],
    {},
    { 2: "regular", 3: "regular" },
  ],
  ["passes a slot on after its quota", [peer(1, SERVED), peer(2)], { slots: 1 }, { 2: "regular" }],
  [
    "lets a peer keep its slot that had fewer pieces than the quota",
    [peer(1, { ...SERVED, sent: 19_999 }), peer(2)],
    { slots: 1 },
    { 1: "regular" },
  ],
  [
    "lets a peer keep its slot that had it for less than a minute",
    [peer(1, { ...SERVED, since: 40_001 }), peer(2)],
    { slots: 1 },
    { 1: "regular" },
  ],
  ["lets a peer keep its slot while nobody waits", [peer(1, SERVED)], { slots: 1 }, { 1: "regular" }],
  [
    "does not unchoke a peer that was choked for less than a round",
    [peer(1, { since: 95_000 }), peer(2, { since: 90_000 })],
    {},
    { 2: "regular" },
  ],
  ["lets a peer in at once that has just connected", [newcomer(1, 99_999)], {}, { 1: "regular" }],
  [
    "leaves a slot that nobody asks for with a peer that wants nothing just now",
    [peer(1, { ...SERVED, interested: false }), peer(2)],
    { slots: 2 },
    { 1: "regular", 2: "regular" },
  ],
  [
    "takes it away where others want it",
    [peer(1, { ...SERVED, interested: false }), peer(2)],
    { slots: 1 },
    { 2: "regular" },
  ],
  ["takes no slot away between rounds", [peer(1, SERVED), peer(2)], { slots: 1, rotate: false }, { 1: "regular" }],
  [
    "takes away the latest slots when there are fewer than before",
    [peer(1, { choked: false, since: 20_000 }), peer(2, { choked: false, since: 10_000 })],
    { slots: 1 },
    { 2: "regular" },
  ],
];

describe("roundRobin", () => {
  it.each(cases)("%s", (_, peers, when, expected) =>
    assert.deepStrictEqual(Object.fromEntries(roundRobin(peers, round(when))), expected),
  );

  it("gives everybody a turn", () => {
    const served = new Set<number>();
    let peers = Array.from({ length: 12 }, (_, id) => peer(id));
    for (let n = 1; n <= 60; n++) {
      const now = n * 10_000;
      const decided = roundRobin(peers, round({ now }));
      for (const id of decided.keys()) served.add(id);
      peers = peers.map((it) =>
        it.choked === decided.has(it.id)
          ? { ...it, choked: !it.choked, since: now, sent: 0 }
          : { ...it, sent: it.choked ? 0 : it.sent + 5_000 },
      );
    }
    assert.strictEqual(served.size, 12);
  });
});

describe("slotsFor", () => {
  const bounds = { least: 2, most: 5 };
  const KIB = 1024;
  const rates: ReadonlyArray<readonly [name: string, rates: ReadonlyArray<number>, slots: number]> = [
    ["has the fewest where nobody takes anything", [], 2],
    ["has the fewest where they take little", [KIB, KIB, KIB], 2],
    ["adds one to those that take enough", [100 * KIB, 100 * KIB, 100 * KIB], 4],
    ["wants more of each further one", [100 * KIB, 4 * KIB, 5 * KIB, 7 * KIB], 3],
    ["has no more than the most", Array.from({ length: 9 }, () => 100 * KIB), 5],
  ];
  it.each(rates)("%s", (_, uploadRates, slots) => assert.strictEqual(slotsFor(uploadRates, bounds), slots));
});

describe("Choker", () => {
  const ids = (decided: ReadonlyMap<number, unknown>): ReadonlyArray<number> => [...decided.keys()];
  const peers = [peer(1), peer(2, { downloadRate: 9, since: 10 })];

  it.effect("returns what it is given while it downloads, and is fair when it has all", () =>
    Effect.gen(function* () {
      const { decide } = yield* Choker;
      assert.deepStrictEqual(ids(decide(peers, round({ slots: 1 }))), [2]);
      assert.deepStrictEqual(ids(decide(peers, round({ slots: 1, seeding: true }))), [1]);
    }).pipe(Effect.provide(Choker.layer)),
  );

  it.effect("is replaceable", () =>
    Effect.gen(function* () {
      const { decide } = yield* Choker;
      assert.deepStrictEqual(ids(decide(peers, round())), [7]);
    }).pipe(Effect.provide(Choker.layerPolicy(() => new Map([[7, "regular"]])))),
  );
});
