import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import { Hex } from "effect/encoding";
import { NetAddress } from "effect/net";
import { hash } from "node:crypto";
import { addToBloom, BLOOM_LENGTH, bloomCount, emptyBloom, mergeBloom } from "../../src/schema/bloom.ts";
import { describeFixtures, vectors } from "../support/fixtures.ts";

const digestOf = (octets: ReadonlyArray<number>): Uint8Array => hash("sha1", Uint8Array.from(octets), "buffer");
const filterOf = (count: number): Uint8Array => {
  const filter = emptyBloom();
  for (let i = 0; i < count; i++) addToBloom(filter, digestOf([10, 0, i >> 8, i & 255]));
  return filter;
};

describe("bloom", () => {
  it("counts none for an empty filter, and gives a number for a full one", () => {
    assert.strictEqual(bloomCount(emptyBloom()), 0);
    assert.isTrue(Number.isFinite(bloomCount(new Uint8Array(BLOOM_LENGTH).fill(255))));
  });

  it("counts an address once, however often it is added, and all of two filters", () => {
    const one = filterOf(100);
    const both = filterOf(100);
    mergeBloom(both, one);
    assert.deepStrictEqual(both, one);
    assert.approximately(bloomCount(one), 100, 5);
  });
});

describeFixtures("bloom, published (BEP 33)", () => {
  const { estimate, filter } = vectors(
    "bep33_bloom",
    Schema.Struct({ filter: Schema.String, estimate: Schema.Finite }),
  );

  it("is that of the 1,256 addresses of the BEP", () => {
    const own = emptyBloom();
    for (let i = 0; i < 256; i++) addToBloom(own, digestOf([192, 0, 2, i]));
    const network = NetAddress.ipv6ToOctets(
      NetAddress.ipv6FromBytesUnsafe(Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)),
    );
    for (let i = 0; i < 1_000; i++) addToBloom(own, digestOf([...network.slice(0, 14), i >> 8, i & 255]));
    assert.strictEqual(Hex.encode(own), filter);
    assert.approximately(bloomCount(own), estimate, 0.0001);
  });
});
