import { assert, describe, it } from "@effect/vitest";
import { Result, Schema } from "effect";
import { Hex } from "effect/encoding";
import { fromText } from "../../src/schema/dictionary.ts";
import {
  MAX_ELEMENT_LENGTH,
  MAX_NAMESAKES,
  POSIX_NAMES,
  sanitiseElement,
  sanitisePath,
  spells,
  tellApart,
} from "../../src/schema/paths.ts";
import { describeFixtures, vectors } from "../support/fixtures.ts";

const WINDOWS = { windows: true, caseInsensitive: true };

const element = (text: string, rules = POSIX_NAMES): string => sanitiseElement(fromText(text), rules);

const placeAll = (texts: ReadonlyArray<string>, rules = POSIX_NAMES): ReadonlyArray<string> =>
  Result.getOrThrow(
    tellApart(
      texts.map((text) => text.split("/")),
      rules,
    ),
  ).map((path) => path.join("/"));

describe("sanitiseElement", () => {
  it("drops what would lead elsewhere", () => {
    for (const text of [".", "..", "/", "\\", "/..", "..\\", ".\u200e.", "\u202e..", "\ufeff."]) {
      assert.strictEqual(element(text), "", JSON.stringify(text));
    }
  });

  it("keeps names that only look dangerous", () => {
    for (const text of ["...", ".hidden", "a..b", "~", "-rf", "C:", "naïve ✓", "e\u0301"]) {
      assert.strictEqual(element(text), text);
    }
  });

  it("cuts long names to whole code points and keeps the extension", () => {
    const cut = element(`${"é".repeat(200)}.tar.gz`);
    assert.isTrue(cut.endsWith("é.gz"));
    assert.isAtMost(fromText(cut).length, MAX_ELEMENT_LENGTH);
    assert.isAtLeast(fromText(cut).length, MAX_ELEMENT_LENGTH - 1);
    assert.strictEqual(fromText(element(`a.${"x".repeat(300)}`)).length, MAX_ELEMENT_LENGTH);
  });

  it("avoids the names that Windows keeps for itself", () => {
    assert.strictEqual(element("con", WINDOWS), "_con");
    assert.strictEqual(element("NUL.txt", WINDOWS), "_NUL.txt");
    assert.strictEqual(element("console", WINDOWS), "console");
    assert.strictEqual(element("...", WINDOWS), "_");
  });

  it.prop("gives harmless names, and the same again", [Schema.Uint8Array, Schema.Boolean], ([bytes, windows]) => {
    const rules = { windows, caseInsensitive: windows };
    const name = sanitiseElement(bytes, rules);
    assert.notInclude([".", ".."], name);
    assert.notMatch(name, /[/\\\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e]/);
    assert.isTrue(name.isWellFormed());
    assert.isAtMost(fromText(name).length, MAX_ELEMENT_LENGTH + 1);
    assert.strictEqual(name === "" ? "" : sanitiseElement(fromText(name), rules), name);
  });
});

describe("spells", () => {
  it("is sure of the same names in ASCII alone", () => {
    const bytes = ["a folder", "b"].map(fromText);
    assert.isTrue(spells(bytes, ["a folder", "b"]));
    for (const names of [
      ["a folder"],
      ["a folder", "c"],
      ["a folder", "b", "c"],
      ["a folder", "bb"],
      ["a_folder", "b"],
    ])
      assert.isFalse(spells(bytes, names));
    assert.isFalse(spells([fromText("\u00e9")], ["\u00e9"]));
    assert.isFalse(spells([Uint8Array.of(0xe9)], ["\u00e9"]));
  });
});

describe("tellApart", () => {
  it("numbers files that have the same path", () => {
    assert.deepStrictEqual(placeAll(["a/b.txt", "a/b.txt", "a/b.txt", "b.txt"]), [
      "a/b.txt",
      "a/b.1.txt",
      "a/b.2.txt",
      "b.txt",
    ]);
  });

  it("does not take a name that another file needs", () => {
    const placed = placeAll(["a", "a", "a.1"]);
    assert.strictEqual(new Set(placed).size, 3);
  });

  it("moves a file out of the way of a folder", () => {
    assert.deepStrictEqual(placeAll(["a/b", "a", "a/b/c"]), ["a/b.1", "a.1", "a/b/c"]);
  });

  it("minds case only where the file system does not", () => {
    assert.deepStrictEqual(placeAll(["README", "readme"]), ["README", "readme"]);
    assert.deepStrictEqual(placeAll(["README", "readme"], WINDOWS), ["README", "readme.1"]);
    assert.deepStrictEqual(placeAll(["\u00e9", "e\u0301"], WINDOWS), ["\u00e9", "e\u0301.1"]);
  });

  it("gives up on too many of one name", () => {
    const namesakes = Array.from({ length: MAX_NAMESAKES + 1 }, () => ["a", "b"]);
    assert.deepStrictEqual(tellApart(namesakes), Result.fail(["a", "b"]));
    assert.isTrue(Result.isSuccess(tellApart(namesakes.slice(1))));
  });

  it.prop(
    "gives every file a path of its own that is no other's folder",
    [Schema.Array(Schema.Array(Schema.Literals(["a", "b", "A", "a.1"])))],
    ([paths]) => {
      const texts = paths.filter((path) => path.length > 0).map((path) => path.join("/"));
      for (const rules of [POSIX_NAMES, WINDOWS]) {
        const placed = placeAll(texts, rules).map((path) => (rules.caseInsensitive ? path.toLowerCase() : path));
        assert.strictEqual(new Set(placed).size, texts.length);
        assert.isFalse(placed.some((path) => placed.some((other) => other.startsWith(`${path}/`))));
      }
    },
  );
});

describeFixtures("published names", () => {
  const Bytes = Schema.Struct({ hex: Schema.String });
  const { cases, windows } = vectors(
    "path_sanitising",
    Schema.Struct({
      windows: Schema.Record(Schema.String, Schema.String),
      cases: Schema.Array(Schema.Struct({ parts: Schema.Array(Bytes), posix: Bytes })),
    }),
  );
  const fromHex = ({ hex }: typeof Bytes.Type): Uint8Array => Result.getOrThrow(Hex.decode(hex));

  for (const { parts, posix } of cases) {
    it(`makes ${parts.map(({ hex }) => hex).join("/")} harmless`, () => {
      const path = sanitisePath(parts.map(fromHex)).join("/");
      assert.strictEqual(Hex.encode(fromText(path)), posix.hex);
    });
  }
  for (const [given, expected] of Object.entries(windows)) {
    it(`makes ${given} harmless on Windows`, () => {
      assert.strictEqual(element(given, WINDOWS), expected);
    });
  }
});
