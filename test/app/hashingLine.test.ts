import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as TestClock from "effect/testing/TestClock";
import { withHashingLine } from "../../src/app/hashingLine.ts";
import * as ScreenMemory from "../../src/app/Screen/memory.ts";

/** What is drawn of 2 of 4 GiB after a second. */
const drawn = (columns: number) =>
  Effect.gen(function* () {
    const screen = yield* ScreenMemory.make({ columns, rows: 24, color: false, unicode: true });
    yield* withHashingLine({ json: false, quiet: false }, (onProgress) =>
      Effect.andThen(
        TestClock.adjust(1_000),
        Effect.sync(() => onProgress(2 ** 31, 2 ** 32)),
      ),
    ).pipe(Effect.provide(screen.layer));
    return screen.written[0]?.replace("\r\u{1b}[2K", "");
  });

describe("the line of hashing", () => {
  it.effect("tells all that there is room for, and of narrow terminals how fast and how long", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* drawn(80), "hashing  50.0%  2.0 of 4.0 GiB  2.0 GiB/s  1s left");
      assert.strictEqual(yield* drawn(40), "hashing  50.0%  2.0 GiB/s  1s left");
      assert.strictEqual(yield* drawn(20), "hashing  50.0%  2.…");
    }),
  );
});
