import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { Idleness, makeIdleness } from "../../../src/services/Idleness/Idleness.ts";
import { layer } from "../../../src/services/Idleness/node.ts";

/** A thread that waits and works as it is told. */
const makeThread = () => {
  const reading = { idle: 1_000, active: 1_000 };
  const idleness = makeIdleness(() => ({ ...reading }));
  /** The idleness after so many milliseconds more of each. */
  const after = (idle: number, active: number): number => {
    reading.idle += idle;
    reading.active += active;
    return idleness();
  };
  return after;
};

describe("idleness", () => {
  it("is the share of the time since the last reading", () => {
    const after = makeThread();
    assert.strictEqual(after(60, 0), 1);
    assert.strictEqual(after(0, 60), 0);
    assert.strictEqual(after(25, 75), 0.25);
  });

  it("is the same for 50 ms, however often it is asked for", () => {
    const after = makeThread();
    assert.strictEqual(after(30, 30), 0.5);
    assert.strictEqual(after(0, 20), 0.5);
    assert.strictEqual(after(0, 20), 0.5);
    assert.strictEqual(after(0, 20), 0);
  });

  it("is none when the last reading is older than 200 ms, and known again with the next", () => {
    const after = makeThread();
    assert.strictEqual(after(201, 0), 0);
    assert.strictEqual(after(200, 0), 1);
  });

  it.effect("is a share of this process's time as Node tells it", () =>
    Effect.gen(function* () {
      const share = (yield* Idleness)();
      assert.isTrue(share >= 0 && share <= 1, `${share}`);
    }).pipe(Effect.provide(layer)),
  );

  it.effect("is all of the time under a simulated clock", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* Idleness)(), 1);
    }),
  );
});
