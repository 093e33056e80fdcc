import type { Message } from "../../src/schema/message.ts";
import { assert, it } from "@effect/vitest";
import { Schema } from "effect";
import { Hex } from "effect/encoding";
import { encode, pieceHeader } from "../../src/schema/wire.ts";
import { describeFixtures, fixture, vectors } from "../support/fixtures.ts";
import { concat, cut, decodeAll, type Outcome } from "../support/wire.ts";

describeFixtures("wire vectors", () => {
  const group = vectors(
    "wire",
    Schema.Struct({ messages: Schema.Array(Schema.Struct({ name: Schema.String, hex: Schema.Uint8ArrayFromHex })) }),
  );
  const block = { index: 1, begin: 16384, length: 16384 };
  const expected: Readonly<Record<string, Message>> = {
    "keep-alive": { _tag: "KeepAlive" },
    choke: { _tag: "Choke" },
    unchoke: { _tag: "Unchoke" },
    interested: { _tag: "Interested" },
    "not interested": { _tag: "NotInterested" },
    "have 5": { _tag: "Have", index: 5 },
    "bitfield 10 pieces, has 0,1,9": { _tag: "Bitfield", bits: Uint8Array.of(0xc0, 0x40) },
    "request 1 16384 16384": { _tag: "Request", ...block },
    'piece 1 0 "ab"': { _tag: "Piece", index: 1, begin: 0, length: 2, wanted: false },
    "cancel 1 16384 16384": { _tag: "Cancel", ...block },
    "port 6881": { _tag: "Port", port: 6881 },
    "suggest 5": { _tag: "Suggest", index: 5 },
    "have all": { _tag: "HaveAll" },
    "have none": { _tag: "HaveNone" },
    "reject 1 16384 16384": { _tag: "Reject", ...block },
    "allowed fast 5": { _tag: "AllowedFast", index: 5 },
    "extended handshake {m:{ut_metadata:1}}": {
      _tag: "Extended",
      id: 0,
      payload: new TextEncoder().encode("d1:md11:ut_metadatai1eee"),
    },
  };

  it("are all known here", () => {
    assert.sameMembers(
      group.messages.map(({ name }) => name),
      Object.keys(expected),
    );
  });
  for (const { name, hex } of group.messages) {
    it(`hold for ${name}, both ways`, () => {
      const message = expected[name];
      assert.isDefined(message);
      assert.deepStrictEqual(decodeAll([hex]).messages, [message]);
      const encoded =
        message._tag === "Piece"
          ? concat([pieceHeader(message.index, message.begin, message.length), new TextEncoder().encode("ab")])
          : encode(message);
      assert.strictEqual(Hex.encode(encoded), Hex.encode(hex));
    });
  }
});

describeFixtures("wire fuzz corpus", () => {
  const ESCAPES: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13 };
  /** The bytes of the one Go string literal in a corpus entry. */
  const corpus = (name: string): Uint8Array => {
    const text = new TextDecoder("latin1").decode(fixture(`recorded/fuzz-FuzzDecoder-${name}`));
    const literal = text.slice(text.indexOf('"') + 1, text.lastIndexOf('"'));
    const bytes = [...literal.matchAll(/\\x(..)|\\(.)|(.)/gs)].map(([, hex, escape, plain]) => {
      if (hex !== undefined) return Number.parseInt(hex, 16);
      return escape === undefined ? (plain ?? "").charCodeAt(0) : (ESCAPES[escape] ?? escape.charCodeAt(0));
    });
    return Uint8Array.from(bytes);
  };
  const outcomes: Readonly<Record<string, Partial<Outcome>>> = {
    "09f3e0a03d": { messages: [{ _tag: "AllowedFast", index: 0x30303030 }], violation: undefined },
    "33e6f38fe1": {
      messages: [],
      blocks: [{ index: 0x30303030, begin: 0x30303030, length: 39, payload: new Uint8Array(39), ended: false }],
      violation: undefined,
    },
    "7b074da6fe": {
      messages: [],
      blocks: [{ index: 0x170892f3, begin: 0x02d51839, length: 42, payload: undefined, ended: false }],
      violation: undefined,
    },
    aa45932194: { messages: [], violation: undefined },
    ac53ca15ff: { messages: [], blocks: [], violation: undefined },
    c436478841: { messages: [], violation: undefined },
    dba8a31d67: { messages: [], violation: { _tag: "BadLength", message: "reject", length: 1 } },
  };
  for (const [name, expected] of Object.entries(outcomes)) {
    it(`decodes ${name}, whole or byte by byte`, () => {
      const bytes = corpus(name);
      const whole = decodeAll([bytes]);
      assert.deepInclude(whole, expected);
      assert.deepStrictEqual(decodeAll(cut(bytes, [1])), whole);
    });
  }
});
