import { assert, it } from "@effect/vitest";
import { Result, Schema } from "effect";
import * as Bencode from "../../../src/schema/bencode.ts";
import * as Dictionary from "../../../src/schema/dictionary.ts";
import { parseMagnet } from "../../../src/schema/magnet.ts";
import { parseMetainfo } from "../../../src/schema/metainfo/parse.ts";
import { digests } from "../../support/digests.ts";
import { describeFixtures, fixture, vectors } from "../../support/fixtures.ts";

describeFixtures("published metainfo", () => {
  const v2 = vectors(
    "bep52_v2",
    Schema.Struct({
      fileTreeExample: Schema.Struct({ ascii: Schema.String }),
      infoHashes: Schema.Array(
        Schema.Struct({
          torrent: Schema.String,
          v1: Schema.optionalKey(Schema.String),
          v2: Schema.String,
          magnet: Schema.optionalKey(Schema.String),
        }),
      ),
    }),
  );

  it("refuses the example of BEP 52, whose key has a wrong length", () => {
    assert.isTrue(Result.isFailure(parseMetainfo(Bencode.keyToBytes(v2.fileTreeExample.ascii), digests)));
  });

  for (const expected of v2.infoHashes) {
    it(`has the info-hashes of ${expected.torrent}`, () => {
      const libtorrent = /^libtorrent (.*)$/.exec(expected.torrent)?.[1];
      const path = libtorrent === undefined ? `anacrolix/${expected.torrent}` : `libtorrent/${libtorrent}`;
      const { info } = Result.getOrThrow(parseMetainfo(fixture(`torrents/${path}`), digests));
      assert.strictEqual(info.infoHashV2, expected.v2);
      if (expected.v1 !== undefined) assert.strictEqual(info.infoHashV1, expected.v1);
      if (expected.magnet === undefined) return;
      const magnet = Result.getOrThrow(parseMagnet(expected.magnet));
      assert.strictEqual(magnet.infoHash.hex, info.infoHash.hex);
    });
  }

  const Tiers = Schema.Struct({
    cases: Schema.Array(Schema.Struct({ list: Schema.Array(Schema.Array(Schema.String)) })),
  });
  for (const { list } of vectors("bep12_announce_list", Tiers).cases) {
    it(`keeps the tiers of BEP 12: ${JSON.stringify(list)}`, () => {
      const torrent = Dictionary.make({
        announce: Dictionary.fromText("http://ignored"),
        "announce-list": list.map((tier) => tier.map(Dictionary.fromText)),
        info: Dictionary.make({
          name: Dictionary.fromText("a"),
          length: 1,
          "piece length": 16_384,
          pieces: new Uint8Array(20),
        }),
      });
      const { trackers } = Result.getOrThrow(parseMetainfo(Bencode.encode(torrent), digests));
      assert.deepStrictEqual(trackers, list);
    });
  }
});
