import { assert, describe, it } from "@effect/vitest";
import * as NodeServices from "@effect/platform-node/NodeServices";
import * as Effect from "effect/Effect";
import * as FileSystem from "effect/FileSystem";
import * as Layer from "effect/Layer";
import { Storage } from "../../src/services/Storage/Storage.ts";
import * as StorageFiles from "../../src/services/Storage/files.ts";

describe("a symbolic link to a folder of the torrent", () => {
  it.effect("was taken for a folder in the way when the download was run again", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const folder = yield* fs.makeTempDirectoryScoped({ prefix: "bt-effect-" });
      const root = `${folder}/t`;
      const common = { offset: 0, kind: "write", executable: false } as const;
      const storage = yield* Storage.use((service) =>
        service.open({
          root,
          asidePath: `${folder}/aside`,
          files: [
            { ...common, path: `${root}/sub/file`, length: 3 },
            { ...common, path: `${root}/link`, length: 0, offset: 3, link: "sub" },
          ],
        }),
      );
      assert.deepStrictEqual(
        (yield* storage.survey).map(({ exists }) => exists),
        [false, false],
      );
      yield* storage.write(0, Uint8Array.of(1, 2, 3));
      yield* storage.finish;
      assert.deepStrictEqual(
        (yield* storage.survey).map(({ exists, size }) => [exists, size]),
        [
          [true, 3],
          [true, 0],
        ],
      );
    }).pipe(Effect.scoped, Effect.provide(Layer.mergeAll(NodeServices.layer, StorageFiles.layer))),
  );
});
