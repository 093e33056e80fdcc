import { assert, describe, it } from "@effect/vitest";
import { Option, Result, Schema } from "effect";
import { decodeHandshake, encodeHandshake, HANDSHAKE_LENGTH } from "../../src/schema/handshake.ts";
import { fromBytes } from "../../src/schema/infoHash.ts";
import { describeFixtures, vectors } from "../support/fixtures.ts";

const infoHash = Option.getOrThrow(fromBytes(Uint8Array.from({ length: 20 }, (_, i) => i)));
const peerId = Uint8Array.from({ length: 20 }, (_, i) => 255 - i);
const plain = { infoHash, peerId, extension: false, dht: false, fast: false, v2Upgrade: false };

describe("handshake", () => {
  it("lays its fields out as BEP 3 says", () => {
    const bytes = encodeHandshake(plain);
    assert.strictEqual(bytes.length, HANDSHAKE_LENGTH);
    assert.strictEqual(new TextDecoder().decode(bytes.subarray(0, 20)), "\x13BitTorrent protocol");
    assert.deepStrictEqual(bytes.subarray(20, 28), new Uint8Array(8));
    assert.deepStrictEqual(bytes.subarray(28, 48), infoHash.bytes);
    assert.deepStrictEqual(bytes.subarray(48), peerId);
  });

  it.prop(
    "gives back what was encoded",
    { extension: Schema.Boolean, dht: Schema.Boolean, fast: Schema.Boolean, v2Upgrade: Schema.Boolean },
    (bits) => {
      const handshake = { infoHash, peerId, ...bits };
      assert.deepStrictEqual(decodeHandshake(encodeHandshake(handshake)), Result.succeed(handshake));
    },
  );

  it("ignores reserved bits that it does not know", () => {
    const bytes = encodeHandshake(plain);
    bytes.fill(0xff, 20, 25);
    bytes[25] = 0xef;
    bytes[27] = 0xea;
    assert.deepStrictEqual(decodeHandshake(bytes), Result.succeed(plain));
  });

  it("hands out copies", () => {
    const bytes = encodeHandshake(plain);
    const decoded = decodeHandshake(bytes);
    bytes.fill(0);
    assert.deepStrictEqual(decoded, Result.succeed(plain));
  });

  it("refuses another protocol and another length", () => {
    const refused = Result.fail({ _tag: "NotBitTorrent" as const });
    for (let at = 0; at < 20; at++) {
      const bytes = encodeHandshake(plain);
      bytes[at] = 0;
      assert.deepStrictEqual(decodeHandshake(bytes), refused);
    }
    const bytes = encodeHandshake(plain);
    for (const length of [0, 1, 20, 48, 67])
      assert.deepStrictEqual(decodeHandshake(bytes.subarray(0, length)), refused);
    assert.deepStrictEqual(decodeHandshake(Uint8Array.of(...bytes, 0)), refused);
  });

  it.prop("takes any bytes without throwing", [Schema.Uint8Array], ([bytes]) => {
    assert.isTrue(Result.isFailure(decodeHandshake(bytes)));
  });
});

describeFixtures("handshake vectors", () => {
  const { handshakeReserved } = vectors(
    "wire",
    Schema.Struct({ handshakeReserved: Schema.Record(Schema.String, Schema.String) }),
  );
  const names = { dht: "dht", fast: "fast", extended: "extension", v2upgrade: "v2Upgrade" } as const;
  for (const [name, field] of Object.entries(names)) {
    it(`hold for the bit of ${name}`, () => {
      const [, byte, mask] = /^reserved\[(\d)\] & (0x\d\d)$/.exec(handshakeReserved[name] ?? "") ?? [];
      const reserved = new Uint8Array(8);
      reserved[Number(byte)] = Number(mask);
      assert.deepStrictEqual(encodeHandshake({ ...plain, [field]: true }).subarray(20, 28), reserved);
    });
  }
});
