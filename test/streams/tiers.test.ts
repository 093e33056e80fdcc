import { assert, describe, it } from "@effect/vitest";
import { Effect, Random, Schema } from "effect";
import { MAX_TRACKERS, promote, shuffled } from "../../src/streams/tiers.ts";
import { describeFixtures, vectors } from "../support/fixtures.ts";

describe("tiers", () => {
  it.effect("shuffles within tiers alone, each URL once", () =>
    Effect.gen(function* () {
      const tiers = yield* shuffled([["a", "b", "c", "a"], [], ["d", "b"], ["e"]]);
      assert.deepStrictEqual(
        tiers.map((tier) => tier.toSorted()),
        [["a", "b", "c"], ["d"], ["e"]],
      );
    }),
  );
  it.effect("orders a tier by chance", () =>
    Effect.gen(function* () {
      const orders = new Set<string>();
      for (let seed = 0; seed < 40; seed++) {
        const [tier] = yield* shuffled([["a", "b", "c"]]).pipe(Random.withSeed(`seed ${seed}`));
        orders.add((tier ?? []).join(""));
      }
      assert.strictEqual(orders.size, 6);
    }),
  );
  it.effect("takes a bounded number of trackers", () =>
    Effect.gen(function* () {
      const tiers = yield* shuffled(Array.from({ length: 1000 }, (_, index) => [`${index}`]));
      assert.strictEqual(tiers.flat().length, MAX_TRACKERS);
    }),
  );
});

describeFixtures("tiers, published vectors", () => {
  const Bep12 = Schema.Struct({
    cases: Schema.Array(Schema.Struct({ list: Schema.Array(Schema.Array(Schema.String)) })),
  });
  const { cases } = vectors("bep12_announce_list", Bep12);
  it.effect("keeps the order of tiers and what is in them", () =>
    Effect.gen(function* () {
      for (const { list } of cases) {
        const tiers = yield* shuffled(list);
        assert.deepStrictEqual(
          tiers.map((tier) => tier.toSorted()),
          list.map((tier) => tier.toSorted()),
        );
      }
    }),
  );
  it("moves the tracker that answered to the front of its tier", () => {
    const first = promote(cases[1]?.list ?? [], "tracker2");
    assert.deepStrictEqual(first, [["tracker2", "tracker1", "tracker3"]]);
    assert.deepStrictEqual(promote(first, "tracker3"), [["tracker3", "tracker2", "tracker1"]]);
  });
});
