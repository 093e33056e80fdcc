import { assert, describe, it } from "@effect/vitest";
import { StorageError } from "../../../src/schema/errors/StorageError.ts";

describe("StorageError", () => {
  it("rounds what is needed up and what is free down", () => {
    const reason = { _tag: "NoSpace", needed: 64 * 2 ** 20 + 1, free: 2 ** 20 - 1 } as const;
    assert.strictEqual(
      new StorageError({ operation: "write", path: "/out", reason }).message,
      "/out: not enough space: 65 MiB needed, 0 MiB free; free some space and run the same command again",
    );
  });

  it("does not take a path for a file when the file is above it", () => {
    const error = new StorageError({ operation: "stat", path: "/file/x", reason: { _tag: "NotFolder" } });
    assert.match(error.message, /^\/file\/x: a file is in the way/);
    assert.strictEqual(error.code, "storage.not-folder");
  });
});
