import { assert, describe, it } from "@effect/vitest";
import { Duration, Effect, Schedule } from "effect";
import { defaultAnnounceSettings } from "../../src/schema/settings.ts";
import { backoff, dictatedWait, waits } from "../../src/streams/announceSchedule.ts";

describe("announceSchedule", () => {
  it("clamps the interval and lets the min interval win", () => {
    const next = (interval: number, minInterval?: number) =>
      waits({ interval, ...(minInterval !== undefined && { minInterval }) }, defaultAnnounceSettings);
    assert.deepStrictEqual(next(900), { next: 900, earliest: 60 });
    assert.deepStrictEqual(next(900, 300), { next: 900, earliest: 300 });
    assert.deepStrictEqual(next(100, 300), { next: 300, earliest: 300 });
    assert.deepStrictEqual(next(0), { next: 1800, earliest: 60 });
    assert.deepStrictEqual(next(1), { next: 60, earliest: 60 });
    assert.deepStrictEqual(next(1e9, 1e9), { next: 86_400, earliest: 86_400 });
  });
  it("takes the wait from the failure where it dictates one", () => {
    const wait = (retryIn?: number | "never") =>
      dictatedWait({ _tag: "Rejected", text: "", ...(retryIn !== undefined && { retryIn }) }, defaultAnnounceSettings);
    assert.strictEqual(wait(90), 90);
    assert.strictEqual(wait(0), 60);
    assert.strictEqual(wait(1e12), 86_400);
    assert.strictEqual(wait("never"), Infinity);
    assert.isUndefined(wait());
    assert.isUndefined(dictatedWait({ _tag: "TimedOut" }, defaultAnnounceSettings));
    assert.strictEqual(dictatedWait({ _tag: "Unsupported", scheme: "wss" }, defaultAnnounceSettings), Infinity);
  });
  it.effect("doubles with jitter up to the cap and never ends", () =>
    Effect.gen(function* () {
      const step = yield* Schedule.toStep(backoff(defaultAnnounceSettings));
      for (let failures = 0; failures < 60; failures++) {
        const [, delay] = yield* step(0, undefined);
        const base = 15 * 2 ** failures;
        assert.isAtLeast(Duration.toSeconds(delay), Math.min(base * 0.8, 3600));
        assert.isAtMost(Duration.toSeconds(delay), Math.min(base * 1.2, 3600));
      }
    }),
  );
});
