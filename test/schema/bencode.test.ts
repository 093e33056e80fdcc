import { assert, describe, it } from "@effect/vitest";
import bencode from "bencode";
import { Result, Schema } from "effect";
import { Hex } from "effect/encoding";
import * as Bencode from "../../src/schema/bencode.ts";
import * as Dictionary from "../../src/schema/dictionary.ts";
import { describeFixtures, vectors } from "../support/fixtures.ts";
import { goCorpus } from "../support/goCorpus.ts";

const ascii = Bencode.keyToBytes;
const fromHex = (hex: string): Uint8Array => Result.getOrThrow(Hex.decode(hex));

const decoded = (text: string, options?: Bencode.DecodeOptions): Bencode.BencodeValue =>
  Result.getOrThrowWith(Bencode.decode(ascii(text), options), (error) => error);

const failure = (text: string | Uint8Array, options?: Bencode.DecodeOptions) => {
  const error = Result.getOrThrow(Result.flip(Bencode.decode(typeof text === "string" ? ascii(text) : text, options)));
  return [error.code, error.offset] as const;
};

/** A value as a tree that Schema can make at random. */
type Tree =
  | number
  | bigint
  | Uint8Array
  | ReadonlyArray<Tree>
  | { readonly fields: ReadonlyArray<readonly [Uint8Array, Tree]> };

const Tree: Schema.Codec<Tree> = Schema.Union([
  Schema.Int,
  Schema.BigInt,
  Schema.Uint8Array,
  Schema.Array(Schema.suspend(() => Tree)),
  Schema.Struct({ fields: Schema.Array(Schema.Tuple([Schema.Uint8Array, Schema.suspend(() => Tree)])) }),
]);

/** The value that a tree means: a bigint only where a number is not exact. */
const valueOf = (tree: Tree): Bencode.BencodeValue => {
  if (typeof tree === "bigint") return Number.isSafeInteger(Number(tree)) ? Number(tree) : tree;
  if (typeof tree === "number") return tree === 0 ? 0 : tree;
  if (tree instanceof Uint8Array) return tree;
  if (!("fields" in tree)) return tree.map(valueOf);
  const sorted = tree.fields
    .map(([key, value]) => [Bencode.keyFromBytes(key), valueOf(value)] as const)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return new Map(sorted);
};

describe("Bencode.decode", () => {
  it("tells the offset of what is wrong", () => {
    assert.deepStrictEqual(failure(""), ["bencode.unexpected-end", 0]);
    assert.deepStrictEqual(failure("l-3:e"), ["bencode.unexpected-byte", 1]);
    assert.deepStrictEqual(failure("li1ei03ee"), ["bencode.bad-integer", 4]);
    assert.deepStrictEqual(failure("i-0e"), ["bencode.bad-integer", 0]);
    assert.deepStrictEqual(failure("i1.5e"), ["bencode.unexpected-byte", 2]);
    assert.deepStrictEqual(failure("d1:ai1e1:be"), ["bencode.key-without-value", 10]);
    assert.deepStrictEqual(failure("di1ei2ee"), ["bencode.key-not-string", 1]);
    assert.deepStrictEqual(failure("d1:a5:xe"), ["bencode.string-past-end", 4]);
    assert.deepStrictEqual(failure("i1ei2e"), ["bencode.trailing-bytes", 3]);
    assert.deepStrictEqual(failure("1"), ["bencode.unexpected-end", 1]);
    assert.deepStrictEqual(failure("d"), ["bencode.unexpected-end", 1]);
  });

  it("bounds what it takes", () => {
    assert.deepStrictEqual(failure("l".repeat(Bencode.MAX_DEPTH + 1)), ["bencode.too-deep", Bencode.MAX_DEPTH]);
    assert.isTrue(
      Result.isSuccess(Bencode.decode(ascii("l".repeat(Bencode.MAX_DEPTH) + "e".repeat(Bencode.MAX_DEPTH)))),
    );
    assert.deepStrictEqual(failure("li1ei2ee", { maxTokens: 2 }), ["bencode.too-many-tokens", 4]);
    assert.deepStrictEqual(failure(`l${"i1e".repeat(Bencode.MAX_TOKENS)}e`), [
      "bencode.too-many-tokens",
      3 * Bencode.MAX_TOKENS - 2,
    ]);
    assert.deepStrictEqual(failure("3:abc", { maxLength: 4 }), ["bencode.too-large", 4]);
    assert.deepStrictEqual(failure(`i${"1".repeat(Bencode.MAX_INTEGER_DIGITS + 1)}e`), ["bencode.integer-too-long", 0]);
    assert.deepStrictEqual(failure(`${"9".repeat(1_000_000)}:`), ["bencode.string-past-end", 0]);
  });

  it("keeps integers exact", () => {
    assert.strictEqual(decoded("i9007199254740991e"), Number.MAX_SAFE_INTEGER);
    assert.strictEqual(decoded("i-9007199254740991e"), Number.MIN_SAFE_INTEGER);
    assert.strictEqual(decoded("i9007199254740992e"), 9_007_199_254_740_992n);
    assert.strictEqual(decoded("i-9007199254740993e"), -9_007_199_254_740_993n);
    assert.strictEqual(decoded("i999999999999999e"), 999_999_999_999_999);
  });

  it("keeps keys as bytes, whatever they are", () => {
    const value = decoded("d9:__proto__i1e2:\xff\xfei2ee");
    assert.deepStrictEqual(
      value,
      new Map([
        ["__proto__", 1],
        ["\xff\xfe", 2],
      ]),
    );
    assert.deepStrictEqual([...Bencode.keyToBytes("\xff\xfe")], [0xff, 0xfe]);
  });

  it("takes the first of repeated keys, or refuses them", () => {
    assert.deepStrictEqual(decoded("d1:ai1e1:ai2ee"), new Map([["a", 1]]));
    assert.deepStrictEqual(failure("d1:ai1e1:ai2ee", { canonical: true }), ["bencode.not-canonical", 7]);
  });

  it("takes unsorted keys and lengths with zeros in front, or refuses them", () => {
    assert.deepStrictEqual(
      decoded("d1:bi1e1:ai2ee"),
      new Map([
        ["b", 1],
        ["a", 2],
      ]),
    );
    assert.deepStrictEqual(failure("d1:bi1e1:ai2ee", { canonical: true }), ["bencode.not-canonical", 7]);
    assert.deepStrictEqual(failure("01:a", { canonical: true }), ["bencode.not-canonical", 0]);
  });

  it("gives views of the input", () => {
    const bytes = ascii("4:spam");
    const value = Result.getOrThrow(Bencode.decode(bytes));
    assert.isTrue(value instanceof Uint8Array && value.buffer === bytes.buffer);
  });

  it.prop("never throws, whatever the bytes", [Schema.Uint8Array], ([bytes]) => {
    const result = Bencode.decode(bytes);
    if (Result.isSuccess(result)) assert.isAtLeast(bytes.length, 2);
    else assert.isAtMost(result.failure.offset, bytes.length);
  });

  it.prop(
    "never throws, whatever the order of its marks",
    [Schema.Array(Schema.Literals(["d", "l", "e", "i1e", "1:a", "1:", "i", "-", "0"]))],
    ([marks]) => {
      const bytes = ascii(marks.join(""));
      Result.match(Bencode.decode(bytes), {
        onFailure: (error) => assert.isAtMost(error.offset, bytes.length),
        onSuccess: (value) => assert.isAtMost(Bencode.encode(value).length, bytes.length),
      });
    },
  );
});

describe("Bencode.decodePrefix", () => {
  it("tells where the value ends, the spans within the outermost dictionary, and what was odd", () => {
    const read = Result.getOrThrow(Bencode.decodePrefix(ascii("d4:infod1:xi1ee1:a01:be-rest")));
    assert.strictEqual(read.end, 23);
    assert.deepStrictEqual(
      read.spans,
      new Map([
        ["info", { start: 7, end: 15 }],
        ["a", { start: 18, end: 22 }],
      ]),
    );
    assert.lengthOf(read.oddities, 2);
  });

  it("finds the span of the first of repeated keys", () => {
    const read = Result.getOrThrow(Bencode.decodePrefix(ascii("d1:ai1e1:ai22ee")));
    assert.deepStrictEqual(read.spans, new Map([["a", { start: 4, end: 7 }]]));
  });
});

describe("Bencode.encode", () => {
  it("sorts keys as bytes, where the package sorts them as UTF-16", () => {
    const keys = ["\uffff", "\u{10000}", "a", ""].map((key) => Bencode.keyFromBytes(Dictionary.fromText(key)));
    const encoded = Bencode.encode(new Map(keys.map((key) => [key, 0])));
    assert.isTrue(Result.isSuccess(Bencode.decode(encoded, { canonical: true })));
  });

  it("writes bigints, which the package drops", () => {
    assert.deepStrictEqual(Bencode.encode([2n ** 70n]), ascii("li1180591620717411303424ee"));
  });

  it.prop("writes canonically what decode reads back", [Tree], ([tree]) => {
    const value = valueOf(tree);
    const bytes = Bencode.encode(value);
    const back = Result.getOrThrow(Bencode.decode(bytes, { canonical: true }));
    assert.deepStrictEqual(back, value);
    assert.deepStrictEqual(Bencode.encode(back), bytes);
  });

  it.prop("writes atoms as the package does", [Schema.Union([Schema.Int, Schema.Uint8Array])], ([atom]) => {
    assert.deepStrictEqual(Bencode.encode(atom), bencode.encode(atom));
  });
});

describe("Dictionary", () => {
  const fields = Dictionary.make({
    n: 1,
    s: Dictionary.fromText("é"),
    l: [2],
    d: new Map(),
    none: undefined,
    big: 2n ** 60n,
  });

  it("gives fields of the kind that is asked for", () => {
    assert.strictEqual(Dictionary.integer(fields, "n"), 1);
    assert.strictEqual(Dictionary.text(fields, "s"), "é");
    assert.deepStrictEqual(Dictionary.bytes(fields, "s"), Uint8Array.of(0xc3, 0xa9));
    assert.deepStrictEqual(Dictionary.list(fields, "l"), [2]);
    assert.deepStrictEqual(Dictionary.dictionary(fields, "d"), new Map());
    assert.isFalse(fields.has("none"));
  });

  it("counts others as absent", () => {
    assert.isUndefined(Dictionary.integer(fields, "s"));
    assert.isUndefined(Dictionary.integer(fields, "big"));
    assert.isUndefined(Dictionary.text(fields, "n"));
    assert.isUndefined(Dictionary.bytes(fields, "l"));
    assert.isUndefined(Dictionary.list(fields, "d"));
    assert.isUndefined(Dictionary.dictionary(fields, "l"));
    assert.isUndefined(Dictionary.dictionary(fields, "missing"));
  });
});

describeFixtures("published bencoding", () => {
  const Case = Schema.Struct({
    ascii: Schema.optionalKey(Schema.String),
    hex: Schema.optionalKey(Schema.String),
    value: Schema.optionalKey(Schema.Unknown),
    why: Schema.optionalKey(Schema.String),
  });
  const bytesOf = (case_: typeof Case.Type): Uint8Array =>
    case_.hex === undefined ? ascii(case_.ascii ?? "") : fromHex(case_.hex);
  /** The published value in the form of ours: text for bytes, decimals for large integers. */
  const plain = (value: Bencode.BencodeValue): unknown => {
    if (typeof value === "bigint") return String(value);
    if (value instanceof Uint8Array) return Bencode.keyFromBytes(value);
    if (!Bencode.isDictionary(value)) return Array.isArray(value) ? value.map(plain) : value;
    return Object.fromEntries([...value].map(([key, inner]) => [key, plain(inner)]));
  };
  const { invalid, lenient, valid } = vectors(
    "bencode",
    Schema.Struct({ valid: Schema.Array(Case), invalid: Schema.Array(Case), lenient: Schema.Array(Case) }),
  );

  for (const case_ of valid) {
    it(`reads ${case_.ascii ?? case_.hex}`, () => {
      const bytes = bytesOf(case_);
      const value = Result.getOrThrow(Bencode.decode(bytes, { canonical: true }));
      assert.deepStrictEqual(Bencode.encode(value), bytes);
      const expected = case_.value;
      if (expected === undefined) return;
      const text = typeof expected === "object" && expected !== null && "str" in expected ? expected.str : expected;
      assert.deepStrictEqual(plain(value), text);
    });
  }
  for (const case_ of invalid) {
    it(`refuses ${case_.ascii} (${case_.why})`, () => {
      assert.isTrue(Result.isFailure(Bencode.decode(bytesOf(case_))));
    });
  }
  for (const case_ of lenient) {
    it(`tolerates ${case_.ascii} (${case_.why}) unless the canonical form is asked for`, () => {
      assert.isTrue(Result.isSuccess(Bencode.decode(bytesOf(case_))));
      assert.strictEqual(failure(bytesOf(case_), { canonical: true })[0], "bencode.not-canonical");
    });
  }
  for (const prefix of ["fuzz-Fuzz-", "fuzz-FuzzInterfaceRoundTrip-"]) {
    for (const [name, bytes] of goCorpus(prefix)) {
      it(`survives ${name}`, () => {
        Result.match(Bencode.decode(bytes), {
          onFailure: (error) => assert.isAtMost(error.offset, bytes.length),
          onSuccess: (value) => assert.isAtMost(Bencode.encode(value).length, bytes.length),
        });
      });
    }
  }

  it("reads the messages of BEP 9 and 10", () => {
    const Messages = Schema.Struct({ request: Schema.String, dataHeader: Schema.String, reject: Schema.String });
    const { dataHeader, reject, request } = vectors("bep09_metadata", Messages);
    const fields = (text: string) => plain(Result.getOrThrow(Bencode.decodePrefix(ascii(text))).value);
    assert.deepStrictEqual(fields(request), { msg_type: 0, piece: 0 });
    assert.deepStrictEqual(fields(`${dataHeader}ee-data`), { msg_type: 1, piece: 0, total_size: 34_256 });
    assert.deepStrictEqual(fields(reject), { msg_type: 2, piece: 0 });
    const Handshake = Schema.Struct({ hex_valid: Schema.String, disable: Schema.String });
    const { disable, hex_valid } = vectors("bep10_handshake", Handshake);
    const handshake = decoded(Bencode.keyFromBytes(fromHex(hex_valid)));
    assert.isTrue(Bencode.isDictionary(handshake) && Dictionary.dictionary(handshake, "m")?.size === 2);
    assert.deepStrictEqual(fields(disable), { m: { LT_metadata: 0 } });
  });
});
