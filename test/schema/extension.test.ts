import type { ExtensionHandshake } from "../../src/schema/extension.ts";
import { assert, describe, it } from "@effect/vitest";
import { Result, Schema } from "effect";
import { NetAddress } from "effect/net";
import {
  decodeExtensionHandshake,
  encodeExtensionHandshake,
  MAX_EXTENSION_HANDSHAKE,
} from "../../src/schema/extension.ts";
import { encode } from "../../src/schema/wire.ts";
import { describeFixtures, fixture, vectors } from "../support/fixtures.ts";
import { concat, decodeAll } from "../support/wire.ts";

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const between = (minimum: number, maximum: number) =>
  Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum, maximum })));
const octets = (length: 4 | 16) =>
  Schema.Array(between(0, 255)).pipe(Schema.check(Schema.isMinLength(length), Schema.isMaxLength(length)));
const none = { messages: new Map<string, number>() };

describe("extension", () => {
  it.prop(
    "gives back what was encoded",
    {
      messages: Schema.Array(
        Schema.Tuple([Schema.Literals(["ut_metadata", "ut_pex", "µT_PEX", "", "x y"]), between(0, 255)]),
      ),
      fields: Schema.Struct({
        port: Schema.optionalKey(between(1, 65_535)),
        client: Schema.optionalKey(Schema.Literals(["bt-effect 0.1.0", "µTorrent", "x"])),
        reqq: Schema.optionalKey(between(0, Number.MAX_SAFE_INTEGER)),
        metadataSize: Schema.optionalKey(between(1, Number.MAX_SAFE_INTEGER)),
        uploadOnly: Schema.optionalKey(Schema.Boolean),
        encryption: Schema.optionalKey(Schema.Boolean),
        completeAgo: Schema.optionalKey(between(0, Number.MAX_SAFE_INTEGER)),
      }),
      four: octets(4),
      six: octets(16),
      which: between(0, 3),
    },
    ({ messages, fields, four, six, which }) => {
      const ipv4 = NetAddress.ipv4FromBytesUnsafe(Uint8Array.from(four));
      const ipv6 = NetAddress.ipv6FromBytesUnsafe(Uint8Array.from(six));
      const handshake: ExtensionHandshake = {
        messages: new Map(messages),
        ...fields,
        ...(which > 0 && { yourIp: which === 1 ? ipv4 : ipv6 }),
        ...(which > 1 && { ipv4 }),
        ...(which > 2 && { ipv6 }),
      };
      assert.deepStrictEqual(decodeExtensionHandshake(encodeExtensionHandshake(handshake)), Result.succeed(handshake));
    },
  );

  it("takes an empty one, unknown keys, and bytes after it", () => {
    assert.deepStrictEqual(decodeExtensionHandshake(ascii("de")), Result.succeed(none));
    assert.deepStrictEqual(
      decodeExtensionHandshake(ascii("d3:fool4:spami1ee1:md1:ai7eee")),
      Result.succeed({ messages: new Map([["a", 7]]) }),
    );
    assert.deepStrictEqual(decodeExtensionHandshake(ascii("dejunk")), Result.succeed(none));
  });

  it("counts values of the wrong kind or out of range as absent", () => {
    const odd = [
      "1:mle",
      "1:md1:ai256e1:bi-1e1:c1:1e",
      "1:pi0e",
      "1:pi65536e",
      "1:p4:6881",
      "4:ipv43:abc",
      "4:ipv63:abc",
      "6:yourip5:abcde",
      "4:reqqi-1e",
      "13:metadata_sizei0e",
      "13:metadata_sizei-5e",
      "13:metadata_sizei99999999999999999999e",
      "12:complete_agoi-1e",
      "11:upload_only1:1",
      "1:v0:",
      "1:vi1e",
    ];
    for (const field of odd) {
      const payload = ascii(`d${field}${field.startsWith("1:md") ? "e" : ""}e`);
      assert.deepStrictEqual(decodeExtensionHandshake(payload), Result.succeed(none), field);
    }
  });

  it("keeps no more extensions, and no longer names, than it has room for", () => {
    const messages = new Map(Array.from({ length: 200 }, (_, i) => [`x${i}`, 1] as const));
    const many = Result.getOrThrow(decodeExtensionHandshake(encodeExtensionHandshake({ messages })));
    assert.strictEqual(many.messages.size, 64);
    const long = encodeExtensionHandshake({
      messages: new Map([
        ["x".repeat(65), 1],
        ["x".repeat(64), 2],
      ]),
    });
    assert.deepStrictEqual(
      decodeExtensionHandshake(long),
      Result.succeed({ messages: new Map([["x".repeat(64), 2]]) }),
    );
  });

  it("cleans and bounds the client's name", () => {
    const payload = concat([
      ascii("d1:v100:"),
      new Uint8Array(3).fill(0x1b),
      new Uint8Array(97).fill(0x61),
      ascii("e"),
    ]);
    assert.deepStrictEqual(decodeExtensionHandshake(payload), Result.succeed({ ...none, client: "a".repeat(64) }));
  });

  it("refuses what is no dictionary, too deep or too long", () => {
    const refused = (payload: Uint8Array): string => {
      const failure = Result.getOrThrow(Result.flip(decodeExtensionHandshake(payload)));
      assert.strictEqual(failure._tag, "BadExtension");
      return failure._tag === "BadExtension" ? failure.why : "";
    };
    assert.strictEqual(refused(ascii("i1e")), "not a dictionary");
    assert.include(refused(ascii("d1:m")), "it ends too early");
    assert.include(refused(new Uint8Array()), "it ends too early");
    assert.include(refused(ascii(`d1:x${"l".repeat(50)}${"e".repeat(51)}`)), "nested deeper than 8");
    assert.include(refused(ascii(`d1:xl${"le".repeat(2000)}ee`)), "more than 1024 values");
    assert.include(refused(new Uint8Array(MAX_EXTENSION_HANDSHAKE + 1)), "16385 bytes");
  });

  it.prop("takes any bytes without throwing", [Schema.Uint8Array, Schema.String], ([bytes, text]) => {
    for (const payload of [bytes, ascii(text), concat([ascii("d1:md"), bytes]), concat([ascii("d1:v"), bytes])]) {
      assert.isTrue(Result.isResult(decodeExtensionHandshake(payload)));
    }
  });
});

describeFixtures("extension vectors", () => {
  const bep09 = vectors("bep09_metadata", Schema.Struct({ handshake: Schema.String }));
  const bep10 = vectors(
    "bep10_handshake",
    Schema.Struct({ ascii_as_printed: Schema.String, hex_valid: Schema.Uint8ArrayFromHex, disable: Schema.String }),
  );

  it("hold for the example of BEP 10, both ways", () => {
    const handshake: ExtensionHandshake = {
      messages: new Map([
        ["LT_metadata", 1],
        ["µT_PEX", 2],
      ]),
      port: 6881,
      client: "µTorrent 1.2",
    };
    assert.deepStrictEqual(decodeExtensionHandshake(bep10.hex_valid), Result.succeed(handshake));
    assert.deepStrictEqual(encodeExtensionHandshake(handshake), bep10.hex_valid);
  });

  it("hold for the example as printed, whose length is wrong", () => {
    assert.isTrue(Result.isFailure(decodeExtensionHandshake(ascii(bep10.ascii_as_printed))));
  });

  it("hold for an extension that is no longer offered", () => {
    assert.deepStrictEqual(
      decodeExtensionHandshake(ascii(bep10.disable)),
      Result.succeed({ messages: new Map([["LT_metadata", 0]]) }),
    );
  });

  it("hold for the example of BEP 9", () => {
    assert.strictEqual(bep09.handshake, "{'m': {'ut_metadata': 3}, 'metadata_size': 31235}");
    assert.deepStrictEqual(
      decodeExtensionHandshake(ascii("d1:md11:ut_metadatai3ee13:metadata_sizei31235ee")),
      Result.succeed({ messages: new Map([["ut_metadata", 3]]), metadataSize: 31_235 }),
    );
  });

  it("hold for a handshake recorded from qBittorrent, both ways", () => {
    const recorded = fixture("recorded/wire-extended-handshake.bin");
    const { messages, violation } = decodeAll([recorded]);
    assert.isUndefined(violation);
    const [message] = messages;
    if (message?._tag !== "Extended") assert.fail("not an extended message");
    assert.strictEqual(message.id, 0);
    const handshake: ExtensionHandshake = {
      messages: new Map([
        ["lt_donthave", 7],
        ["share_mode", 8],
        ["upload_only", 3],
        ["ut_holepunch", 4],
        ["ut_metadata", 2],
        ["ut_pex", 1],
      ]),
      client: "qBittorrent/4.4.0alpha1",
      yourIp: NetAddress.ipv4Loopback,
      reqq: 500,
      metadataSize: 138_876,
      uploadOnly: true,
      completeAgo: 22_934,
    };
    assert.deepStrictEqual(decodeExtensionHandshake(message.payload), Result.succeed(handshake));
    assert.deepStrictEqual(encode({ _tag: "Extended", id: 0, payload: encodeExtensionHandshake(handshake) }), recorded);
  });
});
