import { assert, describe, it } from "@effect/vitest";
import * as NodeServices from "@effect/platform-node/NodeServices";
import * as Effect from "effect/Effect";
import * as FileSystem from "effect/FileSystem";
import * as Layer from "effect/Layer";
import * as Path from "effect/Path";
import * as Schema from "effect/Schema";
import type { TorrentInfo } from "../../src/schema/metainfo.ts";
import { Hasher } from "../../src/services/Hasher.ts";
import * as StorageFiles from "../../src/services/Storage/files.ts";
import { automaticPieceLength, create, type CreateOptions } from "../../src/streams/creating.ts";
import { verify } from "../../src/streams/verifying.ts";

const layer = Layer.mergeAll(NodeServices.layer, StorageFiles.layer, Hasher.layer);

const optionsFor = (path: string, change: Partial<CreateOptions> = {}): CreateOptions => ({
  path,
  exclude: [],
  trackers: [],
  webSeeds: [],
  private: false,
  dated: false,
  pieceLength: 16_384,
  ...change,
});

/** Runs with an empty folder of its own. */
const inFolder = <A, E, R>(use: (folder: string) => Effect.Effect<A, E, R>) =>
  FileSystem.FileSystem.use((fs) => Effect.flatMap(fs.makeTempDirectoryScoped({ prefix: "bt-effect-" }), use)).pipe(
    Effect.scoped,
    Effect.provide(layer),
  );

/** Writes files below `folder`: bytes by path. */
const write = Effect.fnUntraced(function* (folder: string, files: Readonly<Record<string, Uint8Array>>) {
  const fs = yield* FileSystem.FileSystem;
  const path = yield* Path.Path;
  for (const [name, bytes] of Object.entries(files)) {
    yield* fs.makeDirectory(path.dirname(path.join(folder, name)), { recursive: true });
    yield* fs.writeFile(path.join(folder, name), bytes);
  }
});

const filled = (length: number, seed = 1) =>
  Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 7) * seed) & 0xff);

const paths = ({ files }: TorrentInfo) => files.flatMap(({ pad, path }) => (pad ? [] : [path.join("/")]));

const codeOf = (change: (folder: string) => Effect.Effect<CreateOptions, unknown, FileSystem.FileSystem | Path.Path>) =>
  inFolder((folder) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(create(yield* Effect.orDie(change(folder))));
      assert.notInclude(error.message, "\n");
      return error.code;
    }),
  );

describe("creating", () => {
  it.effect.prop(
    "makes of any tree of files a torrent that the very files verify",
    {
      files: Schema.Array(
        Schema.Struct({
          folder: Schema.Literals(["", "a/", "b/", "a/c/"]),
          name: Schema.Literals(["x", "y", "Z", "ä", "z z", ".hidden", "-", "\u{1f600}"]),
          length: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60_000 })),
        }),
      ).check(Schema.isMaxLength(8)),
      pieceLength: Schema.Literals([16_384, 32_768, 65_536]),
      version: Schema.Literals(["v1", "v2", "hybrid"]),
    },
    ({ files, pieceLength, version }) =>
      inFolder((folder) =>
        Effect.gen(function* () {
          const content = Object.fromEntries(
            [{ folder: "", name: "first", length: 1 }, ...files].map(({ folder: parent, length, name }) => [
              `t/${parent}${name}`,
              filled(length),
            ]),
          );
          yield* write(folder, content);
          const made = yield* create(optionsFor(`${folder}/t`, { pieceLength, version }));
          const { info, pieceLayers } = made.metainfo;
          assert.strictEqual(info.version, version);
          assert.deepStrictEqual(made.metainfo.warnings, []);
          assert.deepStrictEqual(new Set(paths(info)), new Set(Object.keys(content).map((name) => name.slice(2))));
          assert.deepStrictEqual(info.renamed, []);
          const verdict = yield* verify({ info, pieceLayers, path: folder });
          assert.deepStrictEqual(
            verdict.files.filter(({ status }) => status !== "good"),
            [],
          );
          assert.deepStrictEqual(
            (yield* create(optionsFor(`${folder}/t`, { pieceLength, version }))).bytes,
            made.bytes,
          );
        }),
      ),
    { arbitrary: { runs: 20 } },
  );

  it.effect("makes a torrent of one file, named after it", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        yield* write(folder, { "one.bin": filled(40_000) });
        const { metainfo } = yield* create(optionsFor(`${folder}/one.bin`));
        assert.strictEqual(metainfo.info.layout, "single");
        assert.strictEqual(metainfo.info.name, "one.bin");
        assert.strictEqual(metainfo.info.pieceCount, 3);
        assert.strictEqual(metainfo.creationDate, undefined);
      }),
    ),
  );

  it.effect("keeps executable bits and links, and verifies them (BEP 47)", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem;
        yield* write(folder, { "t/run": filled(20), "t/sub/b": filled(7) });
        yield* fs.chmod(`${folder}/t/run`, 0o755);
        yield* fs.symlink("../run", `${folder}/t/sub/link`);
        yield* fs.symlink("sub", `${folder}/t/folder`);
        const { info } = (yield* create(optionsFor(`${folder}/t`))).metainfo;
        assert.deepStrictEqual(paths(info), ["folder", "run", "sub/b", "sub/link"]);
        assert.deepStrictEqual(
          info.files.map(({ executable }) => executable),
          [false, true, false, false],
        );
        assert.deepStrictEqual(
          info.files.map(({ symlink }) => symlink?.join("/")),
          ["sub", undefined, undefined, "run"],
        );
        assert.isTrue((yield* verify({ info, path: folder })).files.every(({ status }) => status === "good"));
      }),
    ),
  );

  it.effect("leaves out what is excluded, by name or by path, and the .torrent of before", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const names = ["a.tmp", "b/a.tmp", "b/c/x", "b/keep", "d/c/x", "x.torrent"];
        yield* write(folder, Object.fromEntries(names.map((name) => [`t/${name}`, filled(10)])));
        const options = { exclude: ["*.tmp", "b/c"], omit: `${folder}/t/x.torrent` };
        const { info } = (yield* create(optionsFor(`${folder}/t`, options))).metainfo;
        assert.deepStrictEqual(paths(info), ["b/keep", "d/c/x"]);
      }),
    ),
  );

  it.effect("writes what stands around the files where it is read again", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        yield* write(folder, { one: filled(10) });
        const around = {
          trackers: [["http://a/announce", "udp://b:1/announce"], ["http://c/announce"]],
          webSeeds: ["http://w/files/"],
          comment: "ä comment",
        };
        const { metainfo } = yield* create(
          optionsFor(`${folder}/one`, { ...around, private: true, source: "here", dated: true }),
        );
        assert.deepStrictEqual(metainfo.trackers, around.trackers);
        assert.deepStrictEqual(metainfo.webSeeds, around.webSeeds);
        assert.strictEqual(metainfo.comment, around.comment);
        assert.strictEqual(metainfo.info.source, "here");
        assert.isTrue(metainfo.info.private);
        assert.strictEqual(metainfo.creationDate, 0, "the clock of the test");
      }),
    ),
  );

  it.effect("fails for what is not there, has no bytes, or leads outside", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* codeOf((folder) => Effect.succeed(optionsFor(`${folder}/t`))), "storage.not-found");
      assert.strictEqual(
        yield* codeOf((folder) => Effect.as(write(folder, { "t/e": filled(0) }), optionsFor(`${folder}/t`))),
        "create.empty",
      );
      assert.strictEqual(
        yield* codeOf((folder) =>
          Effect.as(write(folder, { "t/e": filled(1) }), optionsFor(`${folder}/t`, { pieceLength: 20_000 })),
        ),
        "create.bad-piece-length",
      );
      const alone = (version: "v1" | "v2" | "hybrid") => (folder: string) =>
        Effect.as(write(folder, { "t/t": filled(1) }), optionsFor(`${folder}/t`, { version }));
      assert.strictEqual(yield* codeOf(alone("v2")), "create.ambiguous");
      yield* inFolder((folder) =>
        Effect.gen(function* () {
          const { metainfo } = yield* create(yield* alone("hybrid")(folder));
          assert.strictEqual(metainfo.info.layout, "multi");
        }),
      );
      for (const target of ["/etc/passwd", "../outside", "nowhere", ".", "left/out/f"]) {
        const code = yield* codeOf((folder) =>
          Effect.gen(function* () {
            const fs = yield* FileSystem.FileSystem;
            yield* write(folder, { "t/e": filled(1), "t/left/out/f": filled(1), outside: filled(1) });
            yield* fs.symlink(target, `${folder}/t/link`);
            return { ...optionsFor(`${folder}/t`), exclude: ["out"] };
          }),
        );
        assert.strictEqual(code, "create.bad-link", target);
      }
    }),
  );

  it("chooses longer pieces for more bytes", () => {
    assert.strictEqual(automaticPieceLength(1), 16 * 1024);
    assert.strictEqual(automaticPieceLength(2_684_354), 16 * 1024);
    assert.strictEqual(automaticPieceLength(2_684_355), 32 * 1024);
    assert.strictEqual(automaticPieceLength(2 ** 30), 512 * 1024);
    assert.strictEqual(automaticPieceLength(2 ** 60), 16 * 1024 * 1024);
  });
});
