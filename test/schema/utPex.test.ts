import { assert, describe, it } from "@effect/vitest";
import { Result, Schema } from "effect";
import { NetAddress } from "effect/net";
import { encode } from "../../src/schema/bencode.ts";
import * as Dictionary from "../../src/schema/dictionary.ts";
import { decodeUtPex, encodeUtPex, MAX_PEX_PEERS, PexFlag, type PexMessage } from "../../src/schema/utPex.ts";

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const at = NetAddress.inetAddressFromStringUnsafe;
const refused = (why: string) => Result.fail({ _tag: "BadExtension" as const, name: "ut_pex", why });

const Bytes = Schema.Uint8Array.pipe(Schema.check(Schema.isMaxLength(64)));

describe("utPex", () => {
  it("gives back what was encoded, IPv4 first", () => {
    const message: PexMessage = {
      added: [
        { address: at("[2001:db8::1]:6881"), flags: PexFlag.utp | PexFlag.holepunch },
        { address: at("192.0.2.1:6881"), flags: PexFlag.seed },
        { address: at("192.0.2.2:1"), flags: 0 },
      ],
      dropped: [at("192.0.2.3:65535"), at("[2001:db8::2]:80")],
    };
    const [six, one, two] = message.added;
    assert.deepStrictEqual(
      decodeUtPex(encodeUtPex(message)),
      Result.succeed({ ...message, added: [one, two, six].flatMap((peer) => peer ?? []) }),
    );
  });

  it("has every key of BEP 11, in order", () => {
    assert.deepStrictEqual(
      encodeUtPex({ added: [{ address: at("1.2.3.4:5"), flags: 0x10 }], dropped: [] }),
      Uint8Array.of(
        ...ascii("d5:added6:"),
        ...[1, 2, 3, 4, 0, 5],
        ...ascii("7:added.f1:"),
        0x10,
        ...ascii("6:added60:8:added6.f0:7:dropped0:8:dropped60:e"),
      ),
    );
  });

  it("takes what is absent, or of the wrong kind, for empty, and flags that are missing or unknown for none", () => {
    assert.deepStrictEqual(decodeUtPex(ascii("de")), Result.succeed({ added: [], dropped: [] }));
    assert.deepStrictEqual(decodeUtPex(ascii("d5:addedi1e7:droppedlee")), Result.succeed({ added: [], dropped: [] }));
    assert.deepStrictEqual(
      decodeUtPex(encode(Dictionary.make({ added: ascii("aaaabbccccddcut"), "added.f": Uint8Array.of(0xff) }))),
      Result.succeed({
        added: [
          { address: at("97.97.97.97:25186"), flags: 0x1f },
          { address: at("99.99.99.99:25700"), flags: 0 },
        ],
        dropped: [],
      }),
    );
  });

  it(`takes no more than ${MAX_PEX_PEERS} of each list`, () => {
    const many = encode(
      Dictionary.make({
        added: new Uint8Array(6 * 1_000),
        added6: new Uint8Array(18 * 1_000),
        dropped: new Uint8Array(6 * 1_000),
        dropped6: new Uint8Array(18 * 1_000),
      }),
    );
    const { added, dropped } = Result.getOrThrow(decodeUtPex(many));
    assert.deepStrictEqual([added.length, dropped.length], [2 * MAX_PEX_PEERS, 2 * MAX_PEX_PEERS]);
  });

  it("refuses what is not a dictionary, and says so", () => {
    assert.deepStrictEqual(decodeUtPex(ascii("le")), refused("not a dictionary"));
    assert.isTrue(Result.isFailure(decodeUtPex(ascii("d5:added"))));
    assert.isTrue(Result.isFailure(decodeUtPex(new Uint8Array(0))));
  });

  it.prop("never throws, whatever arrives", [Schema.Uint8Array], ([bytes]) => {
    const result = decodeUtPex(bytes);
    if (Result.isFailure(result)) assert.strictEqual(result.failure._tag, "BadExtension");
  });

  it.prop(
    "never throws, whatever the lists hold",
    { added: Bytes, flags: Bytes, added6: Bytes, dropped: Bytes },
    ({ added, flags, added6, dropped }) => {
      const message = Result.getOrThrow(
        decodeUtPex(encode(Dictionary.make({ added, "added.f": flags, added6, dropped }))),
      );
      assert.strictEqual(message.added.length, Math.floor(added.length / 6) + Math.floor(added6.length / 18));
      assert.strictEqual(message.dropped.length, Math.floor(dropped.length / 6));
    },
  );
});
