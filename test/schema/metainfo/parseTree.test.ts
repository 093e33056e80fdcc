import { assert, describe, it } from "@effect/vitest";
import { Result } from "effect";
import { Hex } from "effect/encoding";
import type { BencodeValue } from "../../../src/schema/bencode.ts";
import * as Bencode from "../../../src/schema/bencode.ts";
import * as Dictionary from "../../../src/schema/dictionary.ts";
import { parseMetainfo } from "../../../src/schema/metainfo/parse.ts";
import { digests } from "../../support/digests.ts";
import { codeOf, type Fields, file, leaf, multi, parsed, PIECE, ROOT, text, v2 } from "./making.ts";

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
