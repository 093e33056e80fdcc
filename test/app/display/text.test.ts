import { assert, describe, it } from "@effect/vitest";
import * as Text from "../../../src/app/display/text.ts";

describe("text", () => {
  it("writes sizes with a unit that keeps them short", () => {
    assert.deepStrictEqual([0, 999, 1000, 1024 * 999.9, 1024 * 1000, 5e9, 1e15, 1e18].map(Text.size), [
      "0 B",
      "999 B",
      "1.0 KiB",
      "999.9 KiB",
      "1.0 MiB",
      "4.7 GiB",
      "909.5 TiB",
      "888.2 PiB",
    ]);
  });

  it("shares a unit where it is the same", () => {
    assert.strictEqual(Text.sizeOf(1024 ** 2, 5 * 1024 ** 2), "1.0 of 5.0 MiB");
    assert.strictEqual(Text.sizeOf(5000, 5 * 1024 ** 2), "4.9 KiB of 5.0 MiB");
  });

  it("writes times with two units at the most", () => {
    assert.deepStrictEqual([0, 59.4, 60, 3599, 3600, 86_399, 200_000].map(Text.seconds), [
      "0s",
      "59s",
      "1m 00s",
      "59m 59s",
      "1h 00m",
      "23h 59m",
      "2d 7h",
    ]);
  });

  it("never says 100% too early", () => {
    assert.strictEqual(Text.percent(999_999, 1_000_000), "99.9%");
    assert.strictEqual(Text.percent(5, 5), "100%");
    assert.strictEqual(Text.percent(0, 0), "100%");
  });

  it("cuts to cells, not characters", () => {
    assert.strictEqual(Text.cut("abcdef", 6), "abcdef");
    assert.strictEqual(Text.cut("abcdefg", 6), "abcde…");
    assert.strictEqual(Text.cut("日本語", 5), "日本…");
    assert.strictEqual(Text.cut("日本語", 4), "日…");
    assert.strictEqual(Text.cut("abc", 0), "");
  });
});
