import { assert, describe, it } from "@effect/vitest";
import { fault, storageError } from "../../../src/services/Storage/errno.ts";

const reasonOf = (code: string) =>
  storageError("write")(fault("/p", Object.assign(new Error(`${code}: no`), { code }))).reason._tag;

describe("errno", () => {
  it("has a reason for every refusal that people can do something about", () => {
    const expected = {
      ENOSPC: "NoSpace",
      EDQUOT: "NoSpace",
      EACCES: "NoPermission",
      EPERM: "NoPermission",
      EROFS: "ReadOnly",
      EISDIR: "IsFolder",
      ENOTDIR: "NotFolder",
      ENOENT: "Missing",
      EMFILE: "TooManyOpen",
      ENAMETOOLONG: "NameTooLong",
      EFBIG: "TooLarge",
      ELOOP: "Escapes",
      EIO: "Other",
    };
    for (const [code, reason] of Object.entries(expected)) assert.strictEqual(reasonOf(code), reason, code);
  });

  it("keeps what it has no reason for", () => {
    for (const cause of [new Error("odd"), "odd", undefined]) {
      const error = storageError("read")(fault("/p", cause));
      assert.deepStrictEqual(error.reason, { _tag: "Other", cause });
      assert.strictEqual(error.path, "/p");
    }
  });
});
