import { assert, describe, it } from "@effect/vitest";
import * as zlib from "node:zlib";
import { Schema } from "effect";
import { Hex } from "effect/encoding";
import { Result } from "effect";
import { crc32, crc32c } from "../../src/schema/crc32.ts";
import { describeFixtures, vectors } from "../support/fixtures.ts";

describe("crc32c", () => {
  it("is 0 for nothing, and knows the check value of its kind", () => {
    assert.strictEqual(crc32c(new Uint8Array(0)), 0);
    assert.strictEqual(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  });
});

describe("crc32", () => {
  it("is that of zlib", () => {
    for (const text of ["", "123456789", "h\u00e9\n".repeat(1000)])
      assert.strictEqual(crc32(new TextEncoder().encode(text)), zlib.crc32(text));
  });
});

describeFixtures("crc32c, published", () => {
  const { cases } = vectors(
    "crc32c",
    Schema.Struct({ cases: Schema.Array(Schema.Struct({ hex: Schema.String, crc: Schema.String })) }),
  );
  for (const { hex, crc } of cases)
    it(`is ${crc} for ${hex.slice(0, 16)}`, () => {
      const bytes = Result.getOrThrow(Hex.decode(hex));
      assert.strictEqual(crc32c(bytes).toString(16).padStart(8, "0"), crc);
    });
});
