import { assert, describe, it } from "@effect/vitest";
import { Effect, Schema } from "effect";
import { Choker } from "../../../src/services/Choker/Choker.ts";
import { rotation } from "../../../src/services/Choker/rotation.ts";
import type { ChokeRound, PeerStanding } from "../../../src/services/Choker/standing.ts";

const peer = (id: number, over: Partial<PeerStanding> = {}): PeerStanding => ({
  id,
  interested: true,
  choked: true,
  since: 0,
  downloadRate: 0,
  ...over,
});
const round = (over: Partial<ChokeRound> = {}): ChokeRound => ({
  now: 100_000,
  slots: 2,
  interval: 10_000,
  rotate: true,
  ...over,
});

const cases: ReadonlyArray<
  readonly [name: string, peers: ReadonlyArray<PeerStanding>, round: ChokeRound, unchoked: ReadonlyArray<number>]
> = [
  ["unchokes nobody where there is nobody", [], round(), []],
  ["unchokes nobody who does not care", [peer(1, { interested: false, choked: false }), peer(2)], round(), [2]],
  ["unchokes nobody without slots", [peer(1)], round({ slots: 0 }), []],
  [
    "takes the longest choked first",
    [peer(1, { since: 30 }), peer(2, { since: 10 }), peer(3, { since: 20 })],
    round(),
    [2, 3],
  ],
  [
    "keeps who was unchoked for less than a round",
    [peer(1), peer(2), peer(3, { choked: false, since: 95_000 })],
    round(),
    [1, 3],
  ],
  [
    "passes on the slots of who had a round",
    [peer(1, { choked: false, since: 90_000 }), peer(2, { choked: false, since: 80_000 }), peer(3), peer(4)],
    round(),
    [3, 4],
  ],
  [
    "takes the slot of the longest served first",
    [peer(1, { choked: false, since: 80_000 }), peer(2, { choked: false, since: 90_000 }), peer(3)],
    round(),
    [2, 3],
  ],
  ["lets who has a slot keep it while nobody else asks", [peer(1, { choked: false })], round(), [1]],
  [
    "prefers those that give us data, but for one slot",
    [peer(1), peer(2), peer(3, { downloadRate: 5, since: 50 }), peer(4, { downloadRate: 9, since: 60 })],
    round(),
    [1, 3],
  ],
  [
    "gives the last slots to those that give when nobody else asks",
    [peer(1, { downloadRate: 5 }), peer(2, { downloadRate: 9 })],
    round(),
    [1, 2],
  ],
  [
    "gives the only slot to one that gives",
    [peer(1), peer(2, { downloadRate: 1, since: 9 })],
    round({ slots: 1 }),
    [2],
  ],
  [
    "takes no slot away between rounds",
    [peer(1, { choked: false }), peer(2), peer(3)],
    round({ rotate: false }),
    [1, 2],
  ],
  [
    "takes slots away when there are fewer than before",
    [peer(1, { choked: false }), peer(2, { choked: false })],
    round({ slots: 1, rotate: false }),
    [1],
  ],
];

describe("the rotating choker", () => {
  it.each(cases)("%s", (_, peers, when, unchoked) => assert.deepStrictEqual(rotation(peers, when), new Set(unchoked)));

  const Standing = Schema.Struct({
    interested: Schema.Boolean,
    choked: Schema.Boolean,
    since: Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 100_000 }))),
    downloadRate: Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 2 }))),
  });
  it.prop(
    "fills all slots that can be filled, with interested peers alone",
    {
      standings: Schema.Array(Standing),
      slots: Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 9 }))),
      rotate: Schema.Boolean,
    },
    ({ standings, slots, rotate }) => {
      const peers = standings.map((standing, id) => ({ id, ...standing }));
      const unchoked = rotation(peers, round({ slots, rotate }));
      const interested = peers.filter((peer) => peer.interested);
      assert.strictEqual(unchoked.size, Math.min(slots, interested.length));
      assert.isTrue([...unchoked].every((id) => peers[id]?.interested === true));
    },
  );

  it("gives everybody a turn", () => {
    const served = new Set<number>();
    let peers = Array.from({ length: 12 }, (_, id) => peer(id, { downloadRate: id % 3 }));
    for (let n = 1; n <= 12; n++) {
      const now = n * 10_000;
      const unchoked = rotation(peers, round({ now }));
      for (const id of unchoked) served.add(id);
      peers = peers.map((it) => (it.choked === unchoked.has(it.id) ? { ...it, choked: !it.choked, since: now } : it));
    }
    assert.strictEqual(served.size, 12);
  });

  it.effect("is replaceable", () =>
    Effect.gen(function* () {
      const { decide } = yield* Choker;
      assert.deepStrictEqual([...decide([peer(1), peer(2)], round())], [2]);
    }).pipe(Effect.provide(Choker.layerPolicy((peers) => new Set(peers.map(({ id }) => id).filter((id) => id > 1))))),
  );

  it.effect("is the default", () =>
    Effect.gen(function* () {
      const { decide } = yield* Choker;
      assert.deepStrictEqual([...decide([peer(1), peer(2)], round({ slots: 1 }))], [1]);
    }).pipe(Effect.provide(Choker.layer)),
  );
});
