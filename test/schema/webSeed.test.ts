import { assert, describe, it } from "@effect/vitest";
import { Option, Result, Schema } from "effect";
import { Hex } from "effect/encoding";
import { encode } from "../../src/schema/bencode.ts";
import * as Dictionary from "../../src/schema/dictionary.ts";
import * as InfoHash from "../../src/schema/infoHash.ts";
import { parseMetainfo } from "../../src/schema/metainfo/parse.ts";
import {
  DEFAULT_RETRY,
  httpSeedUrl,
  makeFileUrls,
  MAX_RETRY,
  parseContentRange,
  retryAfter,
  shownUrl,
} from "../../src/schema/webSeed.ts";
import { digests } from "../support/digests.ts";
import { describeFixtures, vectors } from "../support/fixtures.ts";

const infoOf = (name: string, files?: ReadonlyArray<ReadonlyArray<string>>) => {
  const info = Dictionary.make({
    ...(files === undefined
      ? { length: 1 }
      : { files: files.map((path) => Dictionary.make({ length: 1, path: path.map(Dictionary.fromText) })) }),
    name: Dictionary.fromText(name),
    "piece length": 16_384,
    pieces: new Uint8Array(20),
  });
  return Result.getOrThrow(parseMetainfo(encode(Dictionary.make({ info })), digests)).info;
};

describe("webSeed", () => {
  it("names files below the seed by what the torrent calls them, escaped", () => {
    const info = infoOf("my files", [["a b", "ü.txt"], ["100%?#.bin"]]);
    const url = makeFileUrls(info);
    assert.strictEqual(url("http://h/pub/", 0), "http://h/pub/my%20files/a%20b/%C3%BC.txt");
    assert.strictEqual(url("http://h/pub", 1), "http://h/pub/my%20files/100%25%3F%23.bin");
  });

  it("asks for names that had to be made safe for disks as they are", () => {
    const info = infoOf("root", [["a:b\u0001?"], ["con"]]);
    assert.notStrictEqual(info.files[0]?.path[0], "a:b\u0001?");
    assert.strictEqual(makeFileUrls(info)("http://h/", 0), "http://h/root/a%3Ab%01%3F");
  });

  it("takes the seed of a single file as it is, or as a folder when it ends in a slash", () => {
    const url = makeFileUrls(infoOf("a b.iso"));
    assert.strictEqual(url("http://h/x.iso", 0), "http://h/x.iso");
    assert.strictEqual(url("http://h/", 0), "http://h/a%20b.iso");
  });

  it("reads Content-Range, and refuses what makes no sense", () => {
    assert.deepStrictEqual(parseContentRange("bytes 0-99/1000"), { from: 0, to: 100, total: 1000 });
    assert.deepStrictEqual(parseContentRange(" Bytes 5-5/*"), { from: 5, to: 6 });
    for (const bad of ["", "bytes */1000", "bytes 9-3/10", "bytes 0-10/10", "0-9/10", "bytes 0-9/10, 1-2/10"])
      assert.isUndefined(parseContentRange(bad), bad);
  });

  it("waits as long as it is asked to, within bounds", () => {
    const now = Date.UTC(2026, 0, 1);
    assert.strictEqual(retryAfter("7", "", now), 7);
    assert.strictEqual(retryAfter(undefined, " 12\n", now), 12);
    assert.strictEqual(retryAfter("Thu, 01 Jan 2026 00:01:00 GMT", "", now), 60);
    assert.strictEqual(retryAfter("Thu, 01 Jan 1970 00:01:00 GMT", "", now), 1);
    assert.strictEqual(retryAfter("999999999", "", now), MAX_RETRY);
    assert.strictEqual(retryAfter("soon", "later", now), DEFAULT_RETRY);
  });

  it("shows no passwords, and takes nothing but http", () => {
    assert.strictEqual(shownUrl("http://me:secret@h/a@b"), "http://h/a@b");
    for (const bad of ["ftp://h/a", "http://", "http:///x", "h/a", "http://[::1"])
      assert.isUndefined(shownUrl(bad), bad);
  });

  it.prop("never throws, whatever a server says", [Schema.String, Schema.String], ([header, body]) => {
    const seconds = retryAfter(header, body, 0);
    assert.isTrue(Number.isInteger(seconds) && seconds >= 1 && seconds <= MAX_RETRY);
    parseContentRange(header);
    shownUrl(header);
    shownUrl(`http://${body}`);
  });
});

describeFixtures("webSeed, published vectors", () => {
  it("makes the requests of BEP 17", () => {
    const vector = vectors(
      "bep17_httpseed",
      Schema.Struct({ url: Schema.String, requests: Schema.Array(Schema.String), infoHash: Schema.String }),
    );
    const infoHash = Option.getOrThrow(InfoHash.fromBytes(Result.getOrThrow(Hex.decode(vector.infoHash))));
    const ranges = [
      { from: 49_152, to: 131_072 },
      { from: 180_224, to: 262_144 },
    ];
    assert.deepStrictEqual(
      [
        httpSeedUrl(vector.url, infoHash, { index: 3, ranges: [] }),
        httpSeedUrl(vector.url, infoHash, { index: 8, ranges }),
      ],
      vector.requests,
    );
  });

  it("makes the URLs of BEP 19", () => {
    const { cases } = vectors(
      "bep19_webseed",
      Schema.Struct({
        cases: Schema.Array(
          Schema.Struct({
            urlList: Schema.String,
            name: Schema.optionalKey(Schema.String),
            path: Schema.optionalKey(Schema.Array(Schema.String)),
            fetch: Schema.String,
          }),
        ),
      }),
    );
    for (const { fetch, name, path, urlList } of cases)
      assert.strictEqual(makeFileUrls(infoOf(name ?? "file.exe", path && [path]))(urlList, 0), fetch);
  });
});
