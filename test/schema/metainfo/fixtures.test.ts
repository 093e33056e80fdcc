import { assert, it } from "@effect/vitest";
import { Result, Schema } from "effect";
import { parseMetainfo } from "../../../src/schema/metainfo/parse.ts";
import { digests } from "../../support/digests.ts";
import { describeFixtures, fixture, fixtureJson } from "../../support/fixtures.ts";

const Files = Schema.Array(
  Schema.Struct({
    path: Schema.Array(Schema.String),
    length: Schema.Int,
    attr: Schema.String,
  }),
);

const Index = Schema.Struct({
  files: Schema.Array(
    Schema.Struct({
      file: Schema.String,
      expect: Schema.Literals(["valid", "invalid", "either"]),
      torrent: Schema.optionalKey(
        Schema.Struct({
          infoDictOffset: Schema.Int,
          infoDictLength: Schema.Int,
          infoHashV1: Schema.NullOr(Schema.String),
          infoHashV2: Schema.NullOr(Schema.String),
          kind: Schema.Literals(["v1", "v2", "hybrid"]),
          name: Schema.String,
          pieceLength: Schema.Int,
          numPiecesV1: Schema.optionalKey(Schema.Int),
          numPiecesV2: Schema.optionalKey(Schema.Int),
          layout: Schema.Literals(["single", "multi"]),
          numFiles: Schema.Int,
          numPadFiles: Schema.Int,
          totalSize: Schema.Int,
          totalSizeWithoutPads: Schema.Int,
          files: Schema.optionalKey(Files),
          filesV2: Schema.optionalKey(
            Schema.Array(
              Schema.Struct({
                path: Schema.Array(Schema.String),
                length: Schema.Int,
                piecesRoot: Schema.optionalKey(Schema.NullOr(Schema.String)),
              }),
            ),
          ),
          announce: Schema.optionalKey(Schema.String),
          announceList: Schema.optionalKey(Schema.Array(Schema.Array(Schema.String))),
          urlList: Schema.optionalKey(Schema.Unknown),
          httpSeeds: Schema.optionalKey(Schema.Unknown),
          nodes: Schema.optionalKey(Schema.Array(Schema.Unknown)),
          comment: Schema.optionalKey(Schema.String),
          createdBy: Schema.optionalKey(Schema.String),
          creationDate: Schema.optionalKey(Schema.Int),
          private: Schema.optionalKey(Schema.Unknown),
          source: Schema.optionalKey(Schema.String),
          bencodingNotes: Schema.optionalKey(Schema.Array(Schema.String)),
          pieceLayers: Schema.optionalKey(Schema.Unknown),
        }),
      ),
    }),
  ),
});

describeFixtures("torrents of other projects", () => {
  const { files } = fixtureJson("torrents/index.json", Index);

  for (const { expect, file, torrent } of files) {
    it(`reads ${file}: ${expect}`, () => {
      const read = parseMetainfo(fixture(`torrents/${file}`), digests);
      if (Result.isFailure(read)) {
        assert.notStrictEqual(expect, "valid", read.failure.message);
        assert.match(read.failure.code, /^(bencode|metainfo)\.[a-z-]+$/);
        return;
      }
      assert.notStrictEqual(expect, "invalid");
      assert.isDefined(torrent);
    });
  }
});
