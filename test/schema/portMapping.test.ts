import { assert, describe, it } from "@effect/vitest";
import { clampLease, hasRestarted } from "../../src/schema/portMapping.ts";

describe("portMapping", () => {
  it("believes leases of two minutes to a day", () => {
    assert.deepStrictEqual([0, 3_600, 0xffff_ffff].map(clampLease), [120, 3_600, 86_400]);
  });

  it("knows a restart by an epoch that goes back, or stays far behind the clock (RFC 6886, 3.6)", () => {
    assert.isTrue(hasRestarted(1_000, 5, 300));
    assert.isTrue(hasRestarted(1_000, 1_100, 300));
    assert.isFalse(hasRestarted(1_000, 1_300, 300));
    assert.isFalse(hasRestarted(1_000, 1_263, 300));
    assert.isFalse(hasRestarted(1_000, 9_999, 300));
    assert.isFalse(hasRestarted(1_000, 999, 1));
  });
});
