import { assert, describe, it } from "@effect/vitest";
import { MAX_TIMEOUTS } from "../../../../src/services/Transport/utp/limits.ts";
import { makePatience } from "../../../../src/services/Transport/utp/patience.ts";

const lengths = { timeout: () => 500, probe: () => 120 };

describe("the patience of uTP", () => {
  it("asks once more before it takes all for lost, and once only until something new is waited for", () => {
    const patience = makePatience(lengths, 1_000);
    assert.deepStrictEqual([patience.probeAt(), patience.timeoutAt()], [1_120, 1_500]);
    patience.probed();
    assert.deepStrictEqual([patience.probeAt(), patience.timeoutAt()], [Infinity, 1_500]);
    patience.restart(2_000);
    assert.deepStrictEqual([patience.probeAt(), patience.timeoutAt()], [2_120, 2_500]);
  });

  it("waits anew after a time-out, without asking once more", () => {
    const patience = makePatience(lengths, 1_000);
    patience.probed();
    assert.isTrue(patience.timedOut(1_500));
    assert.deepStrictEqual([patience.probeAt(), patience.timeoutAt()], [Infinity, 2_000]);
  });

  it("ends after so many time-outs in a row, however many there were in all", () => {
    const patience = makePatience(lengths, 0);
    const inVain = (times: number): ReadonlyArray<boolean> =>
      Array.from({ length: times }, (_, nth) => patience.timedOut(nth));
    assert.notInclude(inVain(MAX_TIMEOUTS), false);
    patience.heard();
    assert.notInclude(inVain(MAX_TIMEOUTS), false);
    assert.isFalse(patience.timedOut(0));
  });
});
