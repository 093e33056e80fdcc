import { assert, describe, it } from "@effect/vitest";
import { makeRecentReads } from "../../src/streams/recentReads.ts";

describe("recentReads", () => {
  it("suggests the latest four of those that fit, each once", () => {
    const reads = makeRecentReads();
    for (const index of [1, 2, 3, 4, 5, 6, 3, 3]) reads.note(index);
    assert.deepStrictEqual(
      reads.suggest(() => true),
      [3, 6, 5, 4],
    );
    assert.deepStrictEqual(
      reads.suggest((index) => index < 4),
      [3, 2, 1],
    );
  });

  it("remembers sixteen", () => {
    const reads = makeRecentReads();
    for (let index = 0; index < 20; index++) reads.note(index);
    assert.deepStrictEqual(
      reads.suggest((index) => index < 5),
      [4],
    );
  });
});
