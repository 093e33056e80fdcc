import { assert, describe, it } from "@effect/vitest";
import * as Result from "effect/Result";
import { parseMetainfo } from "../../../src/schema/metainfo/parse.ts";
import { editMetainfo, encodeMetainfo, type Changes } from "../../../src/schema/metainfo/write.ts";
import { encodeInfo } from "../../../src/schema/metainfo/writeInfo.ts";
import { digests } from "../../support/digests.ts";

const text = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes);
const bytesOf = (latin1: string) => Uint8Array.from(latin1, (letter) => letter.charCodeAt(0));

const info = (change: object = {}) =>
  encodeInfo({
    version: "v1",
    name: "one",
    layout: "single",
    pieceLength: 16_384,
    pieces: bytesOf("12345678901234567890"),
    files: [{ path: [], length: 5, executable: false }],
    private: false,
    ...change,
  });

const parsed = (bytes: Uint8Array) => Result.getOrThrow(parseMetainfo(bytes, digests));
const edited = (bytes: Uint8Array, changes: Changes) => Result.getOrThrow(editMetainfo(bytes, changes));

/** As found in the wild: keys of its own, a breach of the canonical form inside the info dictionary. */
const WILD = bytesOf(
  "d8:announce8:http://a4:extri7e9:httpseedsl8:http://he4:infod4:name3:one6:lengthi5e12:piece lengthi16384e6:pieces20:123456789012345678904:zeroi0ee8:url-list8:http://we",
);

describe("metainfo/write", () => {
  it("writes the fields that are there, sorted, and no others", () => {
    assert.strictEqual(text(info()), "d6:lengthi5e4:name3:one12:piece lengthi16384e6:pieces20:12345678901234567890e");
    assert.strictEqual(
      text(
        info({
          layout: "multi",
          private: true,
          source: "s",
          files: [
            { path: ["b", "x"], length: 5, executable: true },
            { path: ["l"], length: 0, executable: false, symlink: ["b", "x"] },
          ],
        }),
      ),
      "d5:filesld4:attr1:x6:lengthi5e4:pathl1:b1:xeed4:attr1:l6:lengthi0e4:pathl1:le12:symlink pathl1:b1:xeee4:name3:one12:piece lengthi16384e6:pieces20:123456789012345678907:privatei1e6:source1:se",
    );
  });

  it("writes one tracker without tiers, more with them", () => {
    const one = encodeMetainfo(info(), { trackers: [["http://a"]], webSeeds: [] });
    assert.notInclude(text(one), "announce-list");
    const two = encodeMetainfo(info(), { trackers: [["http://a"], [], ["http://b"]], webSeeds: [] });
    assert.include(text(two), "8:announce8:http://a13:announce-listll8:http://ael8:http://bee");
  });

  it("edits around an info dictionary that keeps its very bytes", () => {
    const before = parsed(WILD);
    const after = parsed(
      edited(WILD, { trackers: [["udp://t:1"], ["http://t"]], webSeeds: ["http://n"], comment: "hello" }),
    );
    assert.strictEqual(after.info.infoHash.hex, before.info.infoHash.hex);
    assert.deepStrictEqual(after.info.bytes.slice(), before.info.bytes.slice());
    assert.deepStrictEqual(after.trackers, [["udp://t:1"], ["http://t"]]);
    assert.deepStrictEqual(after.webSeeds, ["http://n"]);
    assert.deepStrictEqual(after.httpSeeds, []);
    assert.strictEqual(after.comment, "hello");
  });

  it("keeps what it was not asked to change, fields of others too", () => {
    const after = edited(WILD, { comment: "x" });
    assert.include(text(after), "4:extri7e");
    assert.deepStrictEqual(parsed(after).trackers, [["http://a"]]);
    assert.deepStrictEqual(parsed(after).httpSeeds, ["http://h"]);
    assert.strictEqual(text(edited(after, { comment: "" })), text(WILD));
  });

  it("takes trackers and web seeds out", () => {
    const after = parsed(edited(WILD, { trackers: [], webSeeds: [] }));
    assert.deepStrictEqual([after.trackers, after.webSeeds, after.httpSeeds], [[], [], []]);
  });

  it("refuses what is no torrent", () => {
    for (const bytes of ["", "le", "de", "d4:infoi1ee"]) {
      assert.isTrue(Result.isFailure(editMetainfo(bytesOf(bytes), {})), bytes);
    }
  });
});
