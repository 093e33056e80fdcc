import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import { makePlaces } from "../../src/streams/places.ts";
import { makeVantage } from "../../src/streams/vantage.ts";

const somebody = NetAddress.inetAddressFromStringUnsafe("10.0.0.1:1");
const nobodyElse = { members: new Set<never>(), vantage: makeVantage(undefined) };

describe("places", () => {
  it.effect("are as many as there are, for those that come and those that are dialled together", () =>
    Effect.gen(function* () {
      const places = yield* makePlaces(3, nobodyElse);
      yield* places.take(somebody);
      assert.isTrue(yield* places.takeForComing(somebody));
      assert.isTrue(yield* places.takeFree);
      assert.isFalse(yield* places.takeFree);
      assert.isFalse(yield* places.takeForComing(somebody));
      yield* places.free;
      assert.isTrue(yield* places.takeForComing(somebody));
    }),
  );

  it.effect("are waited for by those that are dialled, however long it takes, and none gets lost", () =>
    Effect.gen(function* () {
      const places = yield* makePlaces(1, nobodyElse);
      yield* places.take(somebody);
      let had = 0;
      const waiting = Effect.map(places.take(somebody), () => had++);
      for (let n = 0; n < 3; n++) yield* Effect.forkScoped(waiting);
      yield* TestClock.adjust("5 minutes");
      assert.strictEqual(had, 0);
      for (let n = 1; n <= 3; n++) {
        yield* places.free;
        // Just when they look again, so that both happen at once.
        yield* TestClock.adjust("30 seconds");
        assert.strictEqual(had, n);
      }
      yield* places.free;
      assert.isTrue(yield* places.takeFree);
      assert.isFalse(yield* places.takeFree);
    }),
  );
});
