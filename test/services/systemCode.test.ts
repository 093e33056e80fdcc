import { assert, describe, it } from "@effect/vitest";
import { systemCode } from "../../src/services/systemCode.ts";

describe("systemCode", () => {
  it("is the code of an error of the system", () => {
    assert.strictEqual(systemCode(Object.assign(new Error("full"), { code: "ENOSPC" })), "ENOSPC");
  });

  it("is empty for whatever else can be thrown", () => {
    for (const cause of [undefined, null, "ENOSPC", 28, {}, { code: 28 }, new Error("plain")])
      assert.strictEqual(systemCode(cause), "");
  });
});
