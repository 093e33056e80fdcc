import { assert, describe, it } from "@effect/vitest";
import { fastestFirst, titForTat } from "../../../src/services/Choker/byRate.ts";
import type { Slot } from "../../../src/services/Choker/standing.ts";
import { anyPeers, type Case, newcomer, peer, peersOf, round } from "./standings.ts";

const SETTLED = { choked: false, since: 50_000 };

const cases: ReadonlyArray<Case> = [
  ["unchokes nobody where there is nobody", [], {}, {}],
  ["unchokes nobody who does not care", [peer(1, { interested: false, downloadRate: 9 })], {}, {}],
  [
    "takes those that give most and one by chance",
    [peer(1, { downloadRate: 5 }), peer(2, { downloadRate: 9 }), peer(3, { downloadRate: 7 }), peer(4)],
    { slots: 3 },
    { 2: "regular", 3: "regular", 1: "optimistic" },
  ],
  [
    "chokes whoever gives less than others for its slot",
    [peer(1, { ...SETTLED, downloadRate: 5 }), peer(2, { downloadRate: 9 }), peer(3, { downloadRate: 7 })],
    { slots: 2 },
    { 2: "regular", 3: "optimistic" },
  ],
  [
    "changes nothing for a peer that was unchoked for less than a round",
    [peer(1, { choked: false, since: 95_000 }), peer(2, { downloadRate: 9 })],
    { slots: 1 },
    { 1: "regular" },
  ],
  [
    "changes nothing for a peer that was choked for less than a round",
    [peer(1, { since: 95_000, downloadRate: 9 }), peer(2, { downloadRate: 1 })],
    { slots: 1 },
    { 2: "regular" },
  ],
  ["lets a peer in at once that has just connected", [newcomer(1, 99_000)], { slots: 1 }, { 1: "regular" }],
  [
    "keeps an optimistic slot for its time",
    [peer(1, { choked: false, since: 75_000, optimistic: true }), peer(2), peer(3, { downloadRate: 1 })],
    { slots: 2 },
    { 1: "optimistic", 3: "regular" },
  ],
  [
    "gives the optimistic slot to another one after its time",
    [peer(1, { choked: false, since: 70_000, optimistic: true }), peer(2), peer(3, { downloadRate: 1 })],
    { slots: 2 },
    { 2: "optimistic", 3: "regular" },
  ],
  [
    "makes an optimistic peer that gives most a regular one, and draws again",
    [peer(1, { choked: false, since: 75_000, optimistic: true, downloadRate: 9 }), peer(2)],
    { slots: 2 },
    { 1: "regular", 2: "optimistic" },
  ],
  [
    "takes the slot of a snubbing peer, however much it gave",
    [peer(1, { ...SETTLED, snubbed: true, downloadRate: 99 }), peer(2)],
    { slots: 1 },
    { 2: "regular" },
  ],
  ["lets a snubbing peer have a slot by chance", [peer(1, { snubbed: true })], { slots: 2 }, { 1: "optimistic" }],
  ["leaves no slot unused", [peer(1), peer(2), peer(3)], { slots: 3 }, { 1: "optimistic", 2: "regular", 3: "regular" }],
  [
    "takes no slot away between rounds, and fills those that are free",
    [peer(1, SETTLED), peer(2, { downloadRate: 9 }), peer(3, { downloadRate: 8 })],
    { slots: 2, rotate: false },
    { 1: "regular", 2: "optimistic" },
  ],
  [
    "leaves a slot that nobody asks for with a peer that wants nothing just now",
    [peer(1, { ...SETTLED, interested: false }), peer(2, { downloadRate: 9 })],
    { slots: 2 },
    { 2: "regular", 1: "regular" },
  ],
  [
    "takes it away where others want it, the latest first",
    [peer(1, { ...SETTLED, interested: false }), peer(3, { choked: false, interested: false }), peer(2)],
    { slots: 2 },
    { 2: "optimistic", 3: "regular" },
  ],
  [
    "leaves it with one that may want something again, not with a seed that had it first",
    [peer(1, { ...SETTLED, interested: false, seed: true }), peer(2, { ...SETTLED, interested: false, since: 80_000 })],
    { slots: 1 },
    { 2: "regular" },
  ],
  ["takes it away from a snubbing peer", [peer(1, { ...SETTLED, interested: false, snubbed: true })], { slots: 2 }, {}],
  [
    "takes slots away when there are fewer than before",
    [peer(1, SETTLED), peer(2, SETTLED)],
    { slots: 1, rotate: false },
    { 1: "regular" },
  ],
];

describe("titForTat", () => {
  it.each(cases)("%s", (_, peers, when, expected) =>
    assert.deepStrictEqual(Object.fromEntries(titForTat(peers, round(when))), expected),
  );

  it("is three times as likely to try a new peer", () => {
    const drawn = { 1: 0, 2: 0 };
    for (let n = 0; n < 1000; n++) {
      const peers = [peer(1), newcomer(2, 10_000), peer(3, { downloadRate: 1 })];
      const decided = titForTat(peers, round({ slots: 2, random: () => n / 1000 }));
      const id = [...decided.keys()].find((id) => decided.get(id) === "optimistic");
      if (id === 1 || id === 2) drawn[id]++;
    }
    assert.deepStrictEqual(drawn, { 1: 250, 2: 750 });
  });

  it.prop(
    "fills every slot that may be filled, with interested peers that are not settling",
    { standings: anyPeers },
    ({ standings }) => {
      const peers = peersOf(standings);
      const decided = titForTat(peers, round({ slots: 4 }));
      const possible = peers.filter(
        (p) => p.interested && !p.snubbed && (!p.choked || p.since === p.connectedAt || p.since <= 90_000),
      );
      assert.isAtLeast(decided.size, Math.min(4, possible.length));
      assert.isAtMost(decided.size, 4);
      assert.isTrue([...decided.keys()].every((id) => peers[id]?.interested === true || peers[id]?.choked === false));
    },
  );

  it("gives everybody a try", () => {
    const tried = new Set<number>();
    let peers = Array.from({ length: 12 }, (_, id) => peer(id, { downloadRate: id < 3 ? 9 : 0 }));
    for (let n = 1; n <= 120; n++) {
      const now = n * 10_000;
      const decided: ReadonlyMap<number, Slot> = titForTat(peers, round({ now, random: () => (n * 0.618) % 1 }));
      for (const id of decided.keys()) tried.add(id);
      peers = peers.map((it) => ({
        ...it,
        optimistic: decided.get(it.id) === "optimistic",
        ...(it.choked === decided.has(it.id) && { choked: !it.choked, since: now }),
      }));
    }
    assert.strictEqual(tried.size, 12);
  });
});

describe("fastestFirst", () => {
  it("takes those that take most", () => {
    const peers = [peer(1, { uploadRate: 5 }), peer(2, { uploadRate: 9 }), peer(3, { downloadRate: 99 })];
    assert.deepStrictEqual(Object.fromEntries(fastestFirst(peers, round({ slots: 2 }))), {
      2: "regular",
      1: "optimistic",
    });
  });
});
