import { assert, describe, it } from "@effect/vitest";
import * as NodeServices from "@effect/platform-node/NodeServices";
import { Effect, Fiber, FileSystem, Layer, Path, Schema } from "effect";
import { TestClock } from "effect/testing";
import { data } from "../../src/app/infoPage.ts";
import { Hasher } from "../../src/services/Hasher.ts";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import * as StorageFiles from "../../src/services/Storage/files.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import { create } from "../../src/streams/creating.ts";
import { verify } from "../../src/streams/verifying.ts";
import { makeClient, requestOf, watch } from "../support/swarm.ts";

const SEED = "10.0.0.1";
const LEECHER = "10.0.0.2";

/** Bytes that differ from file to file; every fifth file repeats the first, as copies do. */
const bytesOf = (length: number, file: number): Uint8Array =>
  new Uint8Array(length).map((_, at) => at * 31 + (at >> 8) * 7 + (file % 5) * 3);

const write = Effect.fnUntraced(function* (folder: string, files: ReadonlyMap<string, Uint8Array>) {
  const fs = yield* FileSystem.FileSystem;
  const path = yield* Path.Path;
  for (const [name, bytes] of files) {
    yield* fs.makeDirectory(path.dirname(path.join(folder, name)), { recursive: true });
    yield* fs.writeFile(path.join(folder, name), bytes);
  }
});

describe("create, info, download from ourselves, verify", () => {
  it.effect.prop(
    "keeps any tree of files as it is, whatever the version",
    {
      files: Schema.Array(
        Schema.Struct({
          folder: Schema.Literals(["", "a/", "b/", "a/ü/", "Z/y/x/"]),
          name: Schema.Literals(["x.bin", "Y", "ö", "z z", ".hidden", "-"]),
          length: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 150_000 })),
          executable: Schema.Boolean,
        }),
      ).check(Schema.isMaxLength(7)),
      pieceLength: Schema.Literals([16_384, 32_768, 131_072]),
      version: Schema.Literals(["v1", "v2", "hybrid"]),
    },
    ({ files, pieceLength, version }) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem;
        const folder = yield* fs.makeTempDirectoryScoped({ prefix: "bt-effect-" });
        const listed = [{ folder: "", name: "first", length: 1, executable: false }, ...files];
        const content = new Map(listed.map((file, at) => [`t/${file.folder}${file.name}`, bytesOf(file.length, at)]));
        const modes = new Map(listed.map((file) => [`t/${file.folder}${file.name}`, file.executable]));
        yield* write(folder, content);
        for (const [name, executable] of modes) if (executable) yield* fs.chmod(`${folder}/${name}`, 0o755);

        const options = { exclude: [], trackers: [], webSeeds: [], private: false, dated: false };
        const { metainfo } = yield* create({ ...options, path: `${folder}/t`, pieceLength, version });
        const shown = JSON.parse(JSON.stringify(data({ _tag: "Metainfo", metainfo })));
        assert.strictEqual(shown.version, version);
        assert.deepStrictEqual(
          new Map(
            shown.files.flatMap((file: { pad: boolean; path: string; size: number; executable: boolean }) =>
              file.pad ? [] : [[`t/${file.path}`, [file.size, file.executable]]],
            ),
          ),
          new Map(
            [...content]
              .toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
              .map(([name, bytes]) => [name, [bytes.length, modes.get(name)]]),
          ),
        );

        const fixture = { metainfo, bytes: new Uint8Array() };
        const network = yield* Network.make({ latency: "5 millis" });
        const seed = yield* makeClient({ network, address: SEED });
        for (const [name, bytes] of content) yield* seed.disk.put(`/d/${name}`, bytes);
        const sharing = yield* watch(seed, requestOf(fixture, { seed: true, port: 6881 }));
        yield* TestClock.adjust("1 second");
        const leecher = yield* makeClient({ network, address: LEECHER });
        const fetching = yield* watch(leecher, requestOf(fixture, { peers: [{ host: SEED, port: 6881 }] }));
        yield* TestClock.adjust("30 seconds");
        yield* Fiber.join(fetching.fiber);
        yield* Fiber.interrupt(sharing.fiber);

        const paths = yield* leecher.disk.paths;
        assert.deepStrictEqual(paths, [...content.keys()].map((name) => `/d/${name}`).toSorted());
        const fetched = new Map<string, Uint8Array>();
        for (const name of content.keys()) {
          fetched.set(name, (yield* leecher.disk.get(`/d/${name}`)) ?? assert.fail(name));
          assert.strictEqual(yield* leecher.disk.isExecutable(`/d/${name}`), modes.get(name), name);
        }
        assert.deepStrictEqual(fetched, content);
        yield* write(`${folder}/fetched`, fetched);
        const { info, pieceLayers } = metainfo;
        const verdict = yield* verify({ info, pieceLayers, path: `${folder}/fetched` });
        assert.strictEqual(verdict.badPieces, 0);
        assert.isTrue(verdict.files.every(({ status }) => status === "good"));
      }).pipe(
        Effect.scoped,
        Effect.provide([Layer.fresh(MemoryTrackers.layer), NodeServices.layer, StorageFiles.layer, Hasher.layer]),
      ),
    { arbitrary: { runs: 25 } },
  );
});
