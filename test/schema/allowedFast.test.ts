import { assert, describe, it } from "@effect/vitest";
import { Option, Result, Schema } from "effect";
import { NetAddress } from "effect/net";
import { hash } from "node:crypto";
import { allowedFast } from "../../src/schema/allowedFast.ts";
import { fromBytes } from "../../src/schema/infoHash.ts";
import { describeFixtures, vectors } from "../support/fixtures.ts";

const sha1 = (bytes: Uint8Array): Uint8Array => hash("sha1", bytes, "buffer");
const address = (text: string) => Result.getOrThrow(NetAddress.ipv4FromString(text));
const infoHash = Option.getOrThrow(fromBytes(new Uint8Array(20).fill(7)));
const Count = (minimum: number, maximum: number) =>
  Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum, maximum })));

describe("allowedFast", () => {
  it.prop(
    "gives distinct pieces of the torrent, as many as asked for or all there are",
    { pieceCount: Count(1, 3000), size: Count(1, 10) },
    ({ pieceCount, size }) => {
      const set = allowedFast({ address: address("192.0.2.9"), infoHash, pieceCount, size, sha1 });
      assert.strictEqual(set.length, Math.min(size, pieceCount));
      assert.strictEqual(new Set(set).size, set.length);
      assert.isTrue(set.every((index) => index >= 0 && index < pieceCount));
    },
  );

  it("is the same for all addresses of a /24 and another for others", () => {
    const of = (ip: string) => allowedFast({ address: address(ip), infoHash, pieceCount: 100_000, size: 10, sha1 });
    assert.deepStrictEqual(of("10.1.2.3"), of("10.1.2.250"));
    assert.notDeepEqual(of("10.1.2.3"), of("10.1.3.3"));
  });
});

describeFixtures("allowedFast vectors", () => {
  const { cases } = vectors(
    "bep06_allowed_fast",
    Schema.Struct({
      cases: Schema.Array(
        Schema.Struct({
          k: Schema.Int,
          pieces: Schema.Int,
          infoHash: Schema.Uint8ArrayFromHex,
          ip: Schema.String,
          set: Schema.Array(Schema.Int),
        }),
      ),
    }),
  );
  for (const { k, pieces, infoHash, ip, set } of cases) {
    it(`hold for ${k} of ${pieces} pieces`, () => {
      const actual = allowedFast({
        address: address(ip),
        infoHash: Option.getOrThrow(fromBytes(infoHash)),
        pieceCount: pieces,
        size: k,
        sha1,
      });
      assert.deepStrictEqual(actual, set);
    });
  }
});
