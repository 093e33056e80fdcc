import { assert, describe, it } from "@effect/vitest";
import * as Random from "effect/Random";
import * as Effect from "effect/Effect";
import { makeWaiting } from "../../src/streams/waiting.ts";

describe("waiting requests", () => {
  it("gives back when each was sent, whatever the order of the answers", () => {
    const waiting = makeWaiting();
    for (let key = 0; key < 5; key++) waiting.add(key, 100 + key);
    assert.strictEqual(waiting.take(3), 103);
    assert.strictEqual(waiting.take(3), -1);
    assert.strictEqual(waiting.sentAt(4), 104);
    assert.deepStrictEqual(waiting.keys(), [0, 1, 2, 4]);
    assert.strictEqual(waiting.oldest(), 100);
    assert.strictEqual(waiting.take(0), 100);
    assert.strictEqual(waiting.oldest(), 101);
    assert.strictEqual(waiting.size(), 3);
    waiting.clear();
    assert.strictEqual(waiting.size(), 0);
    assert.strictEqual(waiting.oldest(), -1);
    assert.strictEqual(waiting.sentAt(1), -1);
  });

  it.effect("is a Map in order of arrival for any sequence of calls", () =>
    Effect.gen(function* () {
      const waiting = makeWaiting();
      const model = new Map<number, number>();
      for (let step = 0; step < 20_000; step++) {
        const key = yield* Random.nextIntBetween(0, 600);
        if (model.has(key)) {
          assert.strictEqual(waiting.take(key), model.get(key));
          model.delete(key);
        } else {
          waiting.add(key, step);
          model.set(key, step);
        }
        assert.strictEqual(waiting.size(), model.size);
      }
      assert.deepStrictEqual(waiting.keys(), [...model.keys()]);
    }).pipe(Random.withSeed("waiting")),
  );
});
