import { assert, describe, it } from "@effect/vitest";
import { readFileSync } from "node:fs";
import { Schema } from "effect";
import { VERSION } from "../../src/schema/version.ts";

const Package = Schema.fromJsonString(Schema.Struct({ version: Schema.String }));

describe("version", () => {
  it("is the package's", () => {
    const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
    assert.strictEqual(VERSION, Schema.decodeSync(Package)(text).version);
  });
});
