import { assert, describe, it } from "@effect/vitest";
import { Result, Schema } from "effect";
import { Hex } from "effect/encoding";
import type { BencodeValue } from "../../../src/schema/bencode.ts";
import * as Bencode from "../../../src/schema/bencode.ts";
import * as Dictionary from "../../../src/schema/dictionary.ts";
import { parseInfo, parseMetainfo } from "../../../src/schema/metainfo/parse.ts";
import { digests } from "../../support/digests.ts";

type Fields = Readonly<Record<string, BencodeValue | undefined>>;

const text = Dictionary.fromText;
const texts = (...all: ReadonlyArray<string>) => all.map(text);
const PIECE = 16_384;
const ROOT = new Uint8Array(32).fill(1);

const pieces = (count: number): Uint8Array => new Uint8Array(20 * count);
const single: Fields = { name: text("a.bin"), length: 5, "piece length": PIECE, pieces: pieces(1) };
const file = (length: number, path: ReadonlyArray<string>, more: Fields = {}) =>
  Dictionary.make({ length, path: texts(...path), ...more });
const multi = (files: ReadonlyArray<BencodeValue>, count = 1): Fields => ({
  name: text("folder"),
  files,
  "piece length": PIECE,
  pieces: pieces(count),
});
const leaf = (length: number, root: Uint8Array | undefined = ROOT) =>
  Dictionary.make({ "": Dictionary.make({ length, "pieces root": length > 0 ? root : undefined }) });
const v2 = (tree: Fields, more: Fields = {}): Fields => ({
  name: text("folder"),
  "meta version": 2,
  "piece length": PIECE,
  "file tree": Dictionary.make(tree),
  ...more,
});

const bytesOf = (info: Fields, around: Fields = {}): Uint8Array =>
  Bencode.encode(Dictionary.make({ info: Dictionary.make(info), ...around }));
const parsed = (info: Fields, around?: Fields) =>
  Result.getOrThrowWith(parseMetainfo(bytesOf(info, around), digests), (error) => error);
const codeOf = (info: Fields, around?: Fields): string =>
  Result.match(parseMetainfo(bytesOf(info, around), digests), {
    onFailure: (error) => error.code,
    onSuccess: () => "parsed",
  });

describe("parseMetainfo", () => {
  it("says what a v1 torrent lacks", () => {
    for (const key of ["name", "length", "piece length", "pieces"]) {
      assert.strictEqual(codeOf({ ...single, [key]: undefined }), "metainfo.missing", key);
    }
    assert.strictEqual(Result.getOrThrow(Result.flip(parseMetainfo(text("de"), digests))).code, "metainfo.missing");
    assert.strictEqual(
      Result.getOrThrow(Result.flip(parseMetainfo(text("le"), digests))).code,
      "metainfo.not-dictionary",
    );
  });

  it("refuses values that make no sense", () => {
    for (const bad of [
      { length: -1 },
      { length: 2n ** 60n },
      { length: text("5") },
      { "piece length": 0 },
      { "piece length": -PIECE },
      { "piece length": 2 ** 31 },
      { pieces: new Uint8Array(19) },
      { "meta version": text("2") },
      { "meta version": 0 },
      { files: [] },
      { files: [5] },
      { files: [Dictionary.make({ length: 5 })] },
      { files: [Dictionary.make({ length: 5, path: [] })] },
      { files: [Dictionary.make({ length: 5, path: [5] })] },
      {
        files: [
          file(
            5,
            Array.from({ length: 101 }, () => "a"),
          ),
        ],
      },
    ]) {
      assert.strictEqual(codeOf({ ...single, ...bad }), "metainfo.bad-value", JSON.stringify(Object.keys(bad)));
    }
    assert.strictEqual(codeOf({ ...single, pieces: pieces(2) }), "metainfo.piece-count");
    assert.strictEqual(codeOf({ ...single, pieces: pieces(0) }), "metainfo.piece-count");
    assert.strictEqual(codeOf({ ...single, length: 0, pieces: pieces(0) }), "metainfo.empty");
    assert.strictEqual(codeOf({ ...single, length: 2 ** 50 }), "metainfo.too-many-pieces");
    assert.strictEqual(codeOf({ ...single, "meta version": 3 }), "metainfo.newer-version");
    assert.strictEqual(
      codeOf(multi([file(Number.MAX_SAFE_INTEGER, ["a"]), file(1, ["b"])])),
      "metainfo.too-many-pieces",
    );
    assert.strictEqual(codeOf(multi(Array.from({ length: 501 }, () => file(1, ["a"])))), "metainfo.too-many-clashes");
  });

  it("takes files at their offsets, and what BEP 47 says of them", () => {
    const { info } = parsed(
      multi(
        [
          file(10, ["run"], { attr: text("x") }),
          file(PIECE - 10, [".pad", "16374"], { attr: text("p") }),
          Dictionary.make({ length: 6, attr: text("p") }),
          file(0, ["dir", "empty"], { attr: text("h") }),
          file(0, ["link"], { attr: text("l"), "symlink path": texts("..", "dir", "empty") }),
          file(3, ["no link"], { attr: text("l"), "symlink path": texts("run") }),
        ],
        2,
      ),
    );
    assert.deepStrictEqual(
      info.files.map(({ offset, path, length }) => [offset, path.join("/"), length]),
      [
        [0, "run", 10],
        [10, ".pad/16374", PIECE - 10],
        [PIECE, ".pad/6", 6],
        [PIECE + 6, "dir/empty", 0],
        [PIECE + 6, "link", 0],
        [PIECE + 6, "no link", 3],
      ],
    );
    assert.deepStrictEqual(
      info.files.map(({ pad }) => pad),
      [false, true, true, false, false, false],
    );
    assert.isTrue(info.files[0]?.executable);
    assert.isTrue(info.files[3]?.hidden);
    assert.deepStrictEqual(info.files[4]?.symlink, ["dir", "empty"]);
    assert.isUndefined(info.files[5]?.symlink);
    assert.strictEqual(info.totalLength, PIECE + 9);
  });

  it("prefers names that are said to be UTF-8", () => {
    const { info } = parsed({
      ...multi([file(5, ["x"], { "path.utf-8": texts("é") })]),
      "name.utf-8": text("ü"),
    });
    assert.strictEqual(info.name, "ü");
    assert.deepStrictEqual(info.files[0]?.path, ["é"]);
  });

  it("lists the names that it changed", () => {
    const { info } = parsed({ ...multi([file(2, ["..", "etc", "pass\nwd"]), file(3, ["ok"])]), name: text("../x") });
    assert.strictEqual(info.name, "..x");
    assert.deepStrictEqual(
      info.files.map(({ path }) => path.join("/")),
      ["etc/pass_wd", "ok"],
    );
    assert.deepStrictEqual(info.renamed, [
      { from: "../x", to: "..x" },
      { from: "../etc/pass\nwd", to: "etc/pass_wd" },
    ]);
  });

  it("calls a torrent without a usable name by its info-hash", () => {
    const { info } = parsed({ ...single, name: text("..") });
    assert.strictEqual(info.name, info.infoHash.hex);
    assert.deepStrictEqual(info.files[0]?.path, [info.infoHash.hex]);
  });

  it("suits the names to the file system", () => {
    const bytes = bytesOf(multi([file(2, ["A"]), file(3, ["a"])]));
    const names = { windows: true, caseInsensitive: true };
    const { info } = Result.getOrThrow(parseMetainfo(bytes, digests, { names }));
    assert.deepStrictEqual(
      info.files.map(({ path }) => path.join("/")),
      ["A", "a.1"],
    );
  });

  it("takes trackers in tiers, trimmed and once each", () => {
    const around = {
      announce: text("http://ignored"),
      "announce-list": [texts(" http://a ", "http://b"), [], texts("http://a", ""), text("http://c"), [5]],
      "url-list": text("http://seed/a b"),
    };
    const { trackers, webSeeds } = parsed(single, around);
    assert.deepStrictEqual(trackers, [["http://a", "http://b"], ["http://c"]]);
    assert.deepStrictEqual(webSeeds, ["http://seed/a%20b"]);
    assert.deepStrictEqual(parsed(single, { ...around, "announce-list": [[]] }).trackers, [["http://ignored"]]);
    const many = Array.from({ length: 2000 }, (_, i) => texts(`http://${i}`));
    assert.lengthOf(parsed(single, { "announce-list": many }).trackers, 1000);
  });

  it("warns of what it tolerated", () => {
    const bytes = Bencode.encode(Dictionary.make(single));
    const torrent = text(`d4:info${Bencode.keyFromBytes(bytes)}1:a0:e\n`);
    assert.lengthOf(Result.getOrThrow(parseMetainfo(torrent, digests)).warnings, 2);
  });

  it("refuses a .torrent larger than asked for", () => {
    const failure = Result.getOrThrow(Result.flip(parseMetainfo(bytesOf(single), digests, { maxLength: 20 })));
    assert.strictEqual(failure.code, "bencode.too-large");
  });
});

describe("parseMetainfo of v2", () => {
  const tree = { a: leaf(5), b: Dictionary.make({ c: leaf(0), d: leaf(PIECE + 1) }) };

  it("reads the tree in its order, files beginning with pieces", () => {
    const { info } = parsed(v2(tree));
    assert.strictEqual(info.version, "v2");
    assert.deepStrictEqual(
      info.files.map(({ offset, path }) => [offset, path.join("/")]),
      [
        [0, "a"],
        [5, "b/c"],
        [PIECE, "b/d"],
      ],
    );
    assert.strictEqual(info.pieceCount, 3);
    assert.strictEqual(info.infoHashV2?.slice(0, 40), info.infoHash.hex);
    assert.isUndefined(info.infoHashV1);
  });

  it("refuses trees that make no sense", () => {
    for (const bad of [
      {},
      { a: 5 },
      { "": leaf(5) },
      { a: Dictionary.make({ "": Dictionary.make({ length: 0 }), b: leaf(5) }) },
      { a: leaf(5, new Uint8Array(32)) },
      { a: leaf(5, new Uint8Array(31)) },
    ]) {
      assert.strictEqual(codeOf(v2(bad)), "metainfo.bad-value");
    }
    const rootless = Dictionary.make({ "": Dictionary.make({ length: 5 }) });
    assert.strictEqual(codeOf(v2({ a: rootless })), "metainfo.missing");
    assert.strictEqual(codeOf(v2(tree, { "piece length": 20_000 })), "metainfo.bad-value");
    assert.strictEqual(codeOf(v2(tree, { "piece length": 8192 })), "metainfo.bad-value");
  });

  it("refuses an info dictionary that is not canonical, at its offset in the file", () => {
    const canonical = Bencode.keyFromBytes(Bencode.encode(Dictionary.make(v2(tree))));
    const doubled = `d4:info${canonical.replace(/e$/, "1:a0:e")}e`;
    const failure = Result.getOrThrow(Result.flip(parseMetainfo(Bencode.keyToBytes(doubled), digests)));
    assert.strictEqual(failure.code, "bencode.not-canonical");
    assert.strictEqual(failure._tag === "BencodeError" && failure.offset, doubled.length - "1:a0:ee".length);
  });

  it("does not mind what is not canonical outside the info dictionary", () => {
    const info = Bencode.keyFromBytes(Bencode.encode(Dictionary.make(v2(tree))));
    assert.isTrue(Result.isSuccess(parseMetainfo(Bencode.keyToBytes(`d4:info${info}1:a0:e`), digests)));
  });

  it("checks piece layers against the roots", () => {
    const hashes = new Uint8Array(64).map((_, i) => i);
    const root = digests.sha256(hashes);
    const info = v2({ a: leaf(PIECE + 1, root) });
    const layersOf = (entries: ReadonlyArray<readonly [Uint8Array, BencodeValue]>): Fields => ({
      "piece layers": new Map(entries.map(([key, layer]) => [Bencode.keyFromBytes(key), layer])),
    });
    const { pieceLayers } = parsed(info, layersOf([[root, hashes]]));
    assert.deepStrictEqual(pieceLayers, new Map([[Hex.encode(root), hashes]]));
    assert.strictEqual(parsed(info).pieceLayers.size, 0);
    for (const bad of [
      [[root, hashes.toReversed()]],
      [[root, hashes.subarray(32)]],
      [[root, 5]],
      [[ROOT, hashes]],
      [[root.subarray(1), hashes]],
    ] as const) {
      assert.strictEqual(codeOf(info, layersOf(bad)), "metainfo.bad-piece-layer");
    }
  });
});

describe("parseMetainfo of hybrids", () => {
  const pad = file(PIECE - 5, [".pad", "16379"], { attr: text("p") });
  const tree = { a: leaf(5), b: leaf(7) };
  const hybrid = (files: ReadonlyArray<BencodeValue>, count = 2) => ({ ...v2(tree), ...multi(files, count) });

  it("takes v1's files with v2's roots", () => {
    const { info } = parsed(hybrid([file(5, ["a"]), pad, file(7, ["b"])]));
    assert.strictEqual(info.version, "hybrid");
    assert.strictEqual(info.infoHash.hex, info.infoHashV1);
    assert.lengthOf(info.infoHashV2 ?? "", 64);
    assert.deepStrictEqual(
      info.files.map(({ piecesRoot }) => piecesRoot),
      [ROOT, undefined, ROOT],
    );
  });

  it("refuses halves that disagree", () => {
    for (const files of [
      [file(5, ["a"]), pad, file(7, ["c"])],
      [file(5, ["a"]), pad, file(8, ["b"])],
      [file(5, ["a"]), pad],
      [file(5, ["a"]), pad, file(7, ["b"]), file(0, ["c"])],
      [file(7, ["b"]), pad, file(5, ["a"])],
    ]) {
      assert.strictEqual(codeOf(hybrid(files, files.length > 2 ? 2 : 1)), "metainfo.inconsistent");
    }
    assert.strictEqual(codeOf(hybrid([file(5, ["a"]), file(7, ["b"])], 1)), "metainfo.inconsistent");
  });
});

describe("parseInfo", () => {
  it("reads what peers send", () => {
    const bytes = Bencode.encode(Dictionary.make(single));
    const info = Result.getOrThrow(parseInfo(bytes, digests));
    assert.strictEqual(info.infoHashV1, Hex.encode(digests.sha1(bytes)));
    assert.strictEqual(info.bytes, bytes);
  });

  it("refuses bytes after it, which the hash would not cover", () => {
    const bytes = Uint8Array.of(...Bencode.encode(Dictionary.make(single)), 0x65);
    assert.strictEqual(Result.getOrThrow(Result.flip(parseInfo(bytes, digests))).code, "bencode.trailing-bytes");
  });

  it.prop("never throws, whatever the bytes", [Schema.Uint8Array], ([bytes]) => {
    assert.isTrue(Result.isFailure(parseInfo(bytes, digests)));
    assert.isTrue(Result.isFailure(parseMetainfo(bytes, digests)));
  });
});
