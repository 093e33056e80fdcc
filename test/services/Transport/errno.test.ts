import { assert, describe, it } from "@effect/vitest";
import { fromErrno } from "../../../src/services/Transport/errno.ts";

const errorWith = (code: string) => Object.assign(new Error(code), { code });

describe("errno", () => {
  for (const [code, tag] of [
    ["ECONNREFUSED", "Refused"],
    ["EHOSTUNREACH", "Unreachable"],
    ["ENETUNREACH", "Unreachable"],
    ["EAFNOSUPPORT", "Unreachable"],
    ["ECONNRESET", "Reset"],
    ["ECONNABORTED", "Reset"],
    ["EPIPE", "Reset"],
    ["EADDRINUSE", "AddressInUse"],
    ["EADDRNOTAVAIL", "AddressNotAvailable"],
    ["EACCES", "PermissionDenied"],
    ["EPERM", "PermissionDenied"],
    ["EMFILE", "TooManyOpen"],
    ["ENFILE", "TooManyOpen"],
    ["EIO", "Other"],
  ] as const)
    it(`takes ${code} for ${tag} and keeps the cause`, () => {
      const cause = errorWith(code);
      assert.deepStrictEqual(fromErrno("10.0.0.1:1", cause, 0).reason, { _tag: tag, cause });
    });

  it("says for how long nothing was heard", () => {
    assert.deepStrictEqual(fromErrno("10.0.0.1:1", errorWith("ETIMEDOUT"), 1500).reason, {
      _tag: "TimedOut",
      afterMillis: 1500,
    });
  });

  it("takes what is no system error for Other", () => {
    for (const cause of [undefined, null, "EPIPE", { code: 7 }])
      assert.strictEqual(fromErrno("10.0.0.1:1", cause, 0).reason._tag, "Other");
  });
});
