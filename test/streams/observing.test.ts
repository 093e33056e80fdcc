import { assert, describe, it } from "@effect/vitest";
import { Clock, Effect } from "effect";
import { TestClock } from "effect/testing";
import { Events } from "../../src/services/Events.ts";
import { observe } from "../../src/streams/observing.ts";

const url = "http://tracker.test/announce";

/** An observed bus, and how long its tracker has been as it is, in milliseconds. */
const watching = Effect.gen(function* () {
  const clock = yield* Clock.Clock;
  const { events, trackers } = observe(yield* Events.make, clock);
  return {
    tell: (state: "announcing" | "ok" | "failed") => events.publish({ type: "tracker", url, state }),
    age: Effect.map(Clock.currentTimeMillis, (now) => now - (trackers()[0]?.failing?.since ?? now)),
  };
});

describe("observing", () => {
  it.effect("takes a tracker that is asked again and fails again for one that failed all the while", () =>
    Effect.gen(function* () {
      const { age, tell } = yield* watching;
      yield* tell("announcing");
      yield* TestClock.adjust("2 seconds");
      yield* tell("failed");
      for (const _ of [1, 2]) {
        yield* TestClock.adjust("15 seconds");
        yield* tell("announcing");
        yield* TestClock.adjust("5 seconds");
        yield* tell("failed");
      }
      assert.strictEqual(yield* age, 40_000);
    }),
  );

  it.effect("counts failed dials by what went wrong, not by how long it took, in few kinds", () =>
    Effect.gen(function* () {
      const { events, unreachable } = observe(yield* Events.make, yield* Clock.Clock);
      const fail = (code: string, why: string) => {
        const address = "10.0.0.1:1";
        events.publishUnsafe({ type: "peer", address, state: "failed", code, message: `peer ${address} ${why}` });
      };
      fail("transport.timed-out", "no answer within 4.998 s");
      fail("transport.timed-out", "no answer within 5.001 s");
      fail("transport.refused", "connection refused");
      assert.deepStrictEqual(
        [...unreachable()],
        [
          ["no answer within 5.001 s", 2],
          ["connection refused", 1],
        ],
      );
      for (let n = 0; n < 100; n++) fail(`peer.kind-${n}`, `why ${n}`);
      assert.strictEqual(unreachable().size, 16);
      assert.strictEqual(
        [...unreachable().values()].reduce((a, b) => a + b, 0),
        103,
      );
    }),
  );

  it.effect("counts failures anew after an answer", () =>
    Effect.gen(function* () {
      const { age, tell } = yield* watching;
      yield* tell("failed");
      yield* TestClock.adjust("15 seconds");
      yield* tell("ok");
      yield* TestClock.adjust("15 seconds");
      yield* tell("failed");
      yield* TestClock.adjust("1 second");
      assert.strictEqual(yield* age, 1_000);
    }),
  );
});
