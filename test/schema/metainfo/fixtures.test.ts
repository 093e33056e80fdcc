import { assert, it } from "@effect/vitest";
import { Result, Schema } from "effect";
import { Hex } from "effect/encoding";
import type { Metainfo, TorrentInfo } from "../../../src/schema/metainfo.ts";
import { parseInfo, parseMetainfo } from "../../../src/schema/metainfo/parse.ts";
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
                attr: Schema.optionalKey(Schema.String),
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

type Entry = (typeof Index.Type)["files"][number];
type Expected = NonNullable<Entry["torrent"]>;

const shown = (path: ReadonlyArray<string>): string => path.join("/");

const assertFiles = ({ files, renamed }: TorrentInfo, expected: Expected): void => {
  const given = expected.files ?? (expected.kind === "v2" ? expected.filesV2 : undefined) ?? [];
  const names = new Set(renamed.map(({ to }) => to));
  assert.strictEqual(files.length, expected.numFiles);
  assert.strictEqual(files.filter(({ pad }) => pad).length, expected.numPadFiles);
  for (const [i, { attr = "", length, path }] of given.entries()) {
    const file = files[i];
    assert.isDefined(file);
    assert.strictEqual(file?.length, length);
    assert.strictEqual(file?.executable, attr.includes("x"));
    assert.strictEqual(file?.hidden, attr.includes("h"));
    assert.strictEqual(file?.pad, attr.includes("p"));
    const to = shown(file?.path ?? []);
    assert.isTrue(to === shown(path) || names.has(to) || attr.includes("p"), to);
  }
  const written = files.filter(({ pad }) => !pad);
  assert.strictEqual(new Set(written.map(({ path }) => shown(path))).size, written.length);
  for (const name of written.flatMap(({ path }) => path)) {
    assert.notMatch(name, /^\.{1,2}$|[/\\]|^$/);
  }
  for (const { length, path, piecesRoot } of expected.filesV2 ?? []) {
    const file = files.find((other) => !other.pad && shown(other.path) === shown(path));
    assert.strictEqual(file?.length, length);
    assert.strictEqual(file?.piecesRoot && Hex.encode(file.piecesRoot), piecesRoot ?? undefined);
  }
};

const assertInfo = (info: TorrentInfo, bytes: Uint8Array, expected: Expected): void => {
  const end = expected.infoDictOffset + expected.infoDictLength;
  assert.deepStrictEqual(info.bytes, bytes.subarray(expected.infoDictOffset, end));
  assert.strictEqual(info.version, expected.kind);
  assert.strictEqual(info.infoHashV1, expected.infoHashV1 ?? undefined);
  assert.strictEqual(info.infoHashV2, expected.infoHashV2 ?? undefined);
  assert.strictEqual(info.infoHash.hex, (expected.infoHashV1 ?? expected.infoHashV2)?.slice(0, 40));
  assert.strictEqual(info.layout, expected.layout);
  assert.strictEqual(info.pieceLength, expected.pieceLength);
  assert.strictEqual(info.pieceCount, expected.numPiecesV1 ?? expected.numPiecesV2);
  assert.strictEqual(info.pieces.length, 20 * (expected.numPiecesV1 ?? 0));
  assert.strictEqual(info.totalLength, expected.totalSize);
  assert.strictEqual(info.private, expected.private === 1);
  assert.strictEqual(info.source, expected.source);
  const changed = info.renamed.some(({ from, to }) => from === expected.name && to === info.name);
  assert.isTrue(info.name === expected.name || changed);
  const payload = info.files.reduce((sum, file) => sum + (file.pad ? 0 : file.length), 0);
  assert.strictEqual(payload, expected.totalSizeWithoutPads);
  assertFiles(info, expected);
};

const texts = (given: unknown): ReadonlyArray<string> =>
  [given].flat().filter((url): url is string => typeof url === "string" && url.trim() !== "");

const assertAround = (metainfo: Metainfo, expected: Expected): void => {
  const unique = (urls: ReadonlyArray<string>) => [...new Set(urls.map((url) => url.trim()))];
  const announced = texts(expected.announceList?.flat());
  assert.deepStrictEqual(metainfo.trackers.flat(), unique(announced.length > 0 ? announced : texts(expected.announce)));
  const escaped = (urls: unknown) => unique(texts(urls)).map((url) => url.replaceAll(" ", "%20"));
  assert.deepStrictEqual(metainfo.webSeeds, escaped(expected.urlList));
  assert.deepStrictEqual(metainfo.httpSeeds, escaped(expected.httpSeeds));
  const nodes = (expected.nodes ?? []).filter((node) => Array.isArray(node));
  assert.deepStrictEqual(
    metainfo.nodes.map(({ host, port }) => [host, port]),
    nodes,
  );
  assert.strictEqual(metainfo.comment, expected.comment);
  assert.strictEqual(metainfo.createdBy, expected.createdBy);
  assert.strictEqual(metainfo.creationDate, expected.creationDate);
  assert.strictEqual(metainfo.warnings.length, (expected.bencodingNotes ?? []).length);
  const layers = typeof expected.pieceLayers === "number" ? expected.pieceLayers : 0;
  assert.strictEqual(metainfo.pieceLayers.size, layers);
};

describeFixtures("torrents of other projects", () => {
  const { files } = fixtureJson("torrents/index.json", Index);

  for (const { expect, file, torrent } of files) {
    it(`reads ${file}: ${expect}`, () => {
      const bytes = fixture(`torrents/${file}`);
      const read = parseMetainfo(bytes, digests);
      if (Result.isFailure(read)) {
        assert.notStrictEqual(expect, "valid", read.failure.message);
        assert.match(read.failure.code, /^(bencode|metainfo)\.[a-z0-9-]+$/);
        return;
      }
      assert.notStrictEqual(expect, "invalid");
      assert.isDefined(torrent);
      if (torrent === undefined) return;
      assertInfo(read.success.info, bytes, torrent);
      assertAround(read.success, torrent);
      assert.deepStrictEqual(parseInfo(read.success.info.bytes, digests), Result.succeed(read.success.info));
    });
  }

  it("never throws on a torrent with some bytes changed", () => {
    for (const [i, { file }] of files.entries()) {
      const bytes = fixture(`torrents/${file}`);
      if (bytes.length > 20_000) continue;
      for (let round = 0; round < 40; round++) {
        const changed = bytes.slice();
        // a linear congruence is random enough, and the same on every run
        let state = (i * 40 + round + 1) * 2_654_435_761;
        for (let change = 0; change <= round % 4; change++) {
          state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
          changed[state % Math.min(changed.length, 1500)] = (state >>> 13) & 0xff;
        }
        const read = parseMetainfo(round % 5 === 0 ? changed.subarray(0, state % bytes.length) : changed, digests);
        if (Result.isFailure(read)) assert.match(read.failure.code, /^(bencode|metainfo)\./);
        else assert.isAbove(read.success.info.pieceCount, 0);
      }
    }
  });
});
