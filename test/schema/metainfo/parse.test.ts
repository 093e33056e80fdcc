import { assert, describe, it } from "@effect/vitest";
import { Result, Schema } from "effect";
import { Hex } from "effect/encoding";
import * as Bencode from "../../../src/schema/bencode.ts";
import * as Dictionary from "../../../src/schema/dictionary.ts";
import { parseInfo, parseMetainfo } from "../../../src/schema/metainfo/parse.ts";
import { digests } from "../../support/digests.ts";
import { bytesOf, codeOf, file, multi, parsed, PIECE, pieces, single, text, texts } from "./making.ts";

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
