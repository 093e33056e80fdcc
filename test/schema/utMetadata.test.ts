import { assert, describe, it } from "@effect/vitest";
import { Option, Result, Schema } from "effect";
import {
  decodeUtMetadata,
  encodeUtMetadata,
  METADATA_PIECE_LENGTH,
  type UtMetadataMessage,
} from "../../src/schema/utMetadata.ts";
import { describeFixtures, vectors } from "../support/fixtures.ts";
import { concat } from "../support/wire.ts";

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const decoded = (message: UtMetadataMessage) => Result.succeed(Option.some(message));
const refused = (why: string) => Result.fail({ _tag: "BadExtension" as const, name: "ut_metadata", why });

const Index = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })));
const Byte = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 255 })));

describe("utMetadata", () => {
  it.prop(
    "gives back what was encoded",
    {
      _tag: Schema.Literals(["Request", "Data", "Reject"]),
      piece: Index,
      totalSize: Index.pipe(Schema.check(Schema.isGreaterThan(0))),
      bytes: Schema.NonEmptyArray(Byte),
    },
    ({ _tag, piece, totalSize, bytes }) => {
      const message: UtMetadataMessage =
        _tag === "Data" ? { _tag, piece, totalSize, data: Uint8Array.from(bytes) } : { _tag, piece };
      assert.deepStrictEqual(decodeUtMetadata(encodeUtMetadata(message)), decoded(message));
    },
  );

  it("finds the data by the dictionary's end, not by its looks", () => {
    const data = ascii("d1:ai0ee4:infod6:lengthi1eee");
    assert.deepStrictEqual(
      decodeUtMetadata(concat([ascii("d8:msg_typei1e5:otherd2:eei0ee5:piecei3e10:total_sizei28ee"), data])),
      decoded({ _tag: "Data", piece: 3, totalSize: 28, data }),
    );
  });

  it("takes unknown keys and bytes after a request", () => {
    assert.deepStrictEqual(
      decodeUtMetadata(ascii("d8:msg_typei0e5:piecei7e1:zlee-")),
      decoded({ _tag: "Request", piece: 7 }),
    );
  });

  it("gives none for kinds that it does not know", () => {
    assert.deepStrictEqual(decodeUtMetadata(ascii("d8:msg_typei3e5:piecei0ee")), Result.succeed(Option.none()));
    assert.deepStrictEqual(decodeUtMetadata(ascii("d8:msg_typei-1ee")), Result.succeed(Option.none()));
  });

  it("refuses what is not a message, and says why", () => {
    assert.deepStrictEqual(decodeUtMetadata(ascii("le")), refused("not a dictionary"));
    assert.deepStrictEqual(decodeUtMetadata(ascii("d5:piecei0ee")), refused("no msg_type"));
    assert.deepStrictEqual(decodeUtMetadata(ascii("d8:msg_type1:05:piecei0ee")), refused("no msg_type"));
    assert.deepStrictEqual(decodeUtMetadata(ascii("d8:msg_typei0ee")), refused("no piece"));
    assert.deepStrictEqual(decodeUtMetadata(ascii("d8:msg_typei2e5:piecei-1ee")), refused("no piece"));
    assert.deepStrictEqual(decodeUtMetadata(ascii("d8:msg_typei0e5:piecei9007199254740992ee")), refused("no piece"));
    assert.deepStrictEqual(decodeUtMetadata(ascii("d8:msg_typei1e5:piecei0eex")), refused("no total_size"));
    assert.isTrue(Result.isFailure(decodeUtMetadata(new Uint8Array())));
    assert.isTrue(Result.isFailure(decodeUtMetadata(ascii(`${"l".repeat(1000)}${"e".repeat(1000)}`))));
    assert.isTrue(Result.isFailure(decodeUtMetadata(new Uint8Array(20_000).fill(0x6c))));
  });

  it("takes a full piece of data, and neither more nor none", () => {
    const data = (length: number) =>
      decodeUtMetadata(
        encodeUtMetadata({ _tag: "Data", piece: 0, totalSize: 40_000, data: new Uint8Array(length).fill(1) }),
      );
    assert.isTrue(Result.isSuccess(data(METADATA_PIECE_LENGTH)));
    assert.deepStrictEqual(data(METADATA_PIECE_LENGTH + 1), refused("a piece of 16385 bytes"));
    assert.deepStrictEqual(data(0), refused("a piece of 0 bytes"));
  });

  it.prop("takes any bytes without throwing", [Schema.Uint8Array, Schema.String], ([bytes, text]) => {
    for (const payload of [bytes, ascii(text), concat([ascii("d8:msg_type"), bytes]), concat([ascii("d"), bytes])]) {
      assert.isTrue(Result.isResult(decodeUtMetadata(payload)));
    }
  });
});

describeFixtures("utMetadata vectors", () => {
  const bep09 = vectors(
    "bep09_metadata",
    Schema.Struct({ request: Schema.String, dataHeader: Schema.String, reject: Schema.String }),
  );
  const data = Uint8Array.from({ length: METADATA_PIECE_LENGTH }, (_, i) => i);
  const cases: ReadonlyArray<readonly [Uint8Array, UtMetadataMessage]> = [
    [ascii(bep09.request), { _tag: "Request", piece: 0 }],
    [concat([ascii(bep09.dataHeader), data]), { _tag: "Data", piece: 0, totalSize: 34_256, data }],
    [ascii(bep09.reject), { _tag: "Reject", piece: 0 }],
  ];
  for (const [bytes, message] of cases) {
    it(`hold for ${message._tag}, both ways`, () => {
      assert.deepStrictEqual(decodeUtMetadata(bytes), decoded(message));
      assert.deepStrictEqual(encodeUtMetadata(message), bytes);
    });
  }
});
