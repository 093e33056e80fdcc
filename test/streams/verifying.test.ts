import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { Storage } from "../../src/services/Storage/Storage.ts";
import { MemoryDisk } from "../../src/services/Storage/memory.ts";
import { layoutOf } from "../../src/streams/output.ts";
import { verify } from "../../src/streams/verifying.ts";
import { onMachine, torrentOf, type FileSpec } from "./disk.ts";

const written = (specs: ReadonlyArray<FileSpec>) =>
  Effect.gen(function* () {
    const { info, bytes } = torrentOf(specs, { pieceLength: 16 });
    const selected = info.files.flatMap((file, index) => (file.pad ? [] : [index]));
    const layout = yield* layoutOf(info, "/d/name", { selected, record: Option.none(), asidePath: "/aside" });
    const storage = yield* (yield* Storage).open(layout);
    yield* storage.write(0, bytes);
    yield* storage.finish;
    return { info, disk: yield* MemoryDisk };
  });

const THREE: ReadonlyArray<FileSpec> = [{ length: 40 }, { length: 4 }, { length: 52 }];

const statuses = (files: ReadonlyArray<{ readonly status: string }>) => files.map(({ status }) => status).join(" ");

describe("verifying", () => {
  it.effect("finds an intact payload good, by its own path and by its folder's", () =>
    onMachine(
      Effect.gen(function* () {
        const { info } = yield* written([...THREE, { length: 0 }]);
        for (const path of ["/d/name", "/d"]) {
          const { files, badPieces, root } = yield* verify({ info, path });
          assert.strictEqual(root, "/d/name");
          assert.strictEqual(badPieces, 0);
          assert.strictEqual(statuses(files), "good good good good");
        }
      }),
    ),
  );

  it.effect("blames a file for a bad piece of its own, and doubts those beside a piece that is shared", () =>
    onMachine(
      Effect.gen(function* () {
        const { info, disk } = yield* written(THREE);
        const change = Effect.fnUntraced(function* (path: string, at: number) {
          const bytes = (yield* disk.get(path)) ?? assert.fail(path);
          bytes[at] = (bytes[at] ?? 0) ^ 1;
          yield* disk.put(path, bytes);
        });
        yield* change("/d/name/f0", 3);
        assert.strictEqual(statuses((yield* verify({ info, path: "/d" })).files), "damaged good good");
        yield* change("/d/name/f0", 3);
        yield* change("/d/name/f1", 0);
        const { files, badPieces } = yield* verify({ info, path: "/d" });
        assert.strictEqual(statuses(files), "doubtful doubtful doubtful");
        assert.strictEqual(badPieces, 1);
      }),
    ),
  );

  it.effect("names files that are missing, cut short or too long", () =>
    onMachine(
      Effect.gen(function* () {
        const { info, disk } = yield* written([...THREE, { length: 0 }]);
        const last = (yield* disk.get("/d/name/f2")) ?? assert.fail();
        yield* disk.put("/d/name/f2", Uint8Array.of(...last, 1, 2));
        const long = yield* verify({ info, path: "/d/name" });
        assert.strictEqual(statuses(long.files), "good good long good");
        assert.strictEqual(long.files[2]?.found, 54);
        yield* disk.put("/d/name/f2", last.subarray(0, 51));
        yield* disk.remove("/d/name/f3");
        yield* disk.remove("/d/name/f0");
        const { files, badPieces } = yield* verify({ info, path: "/d/name" });
        // The piece of f1 reaches into f0.
        assert.strictEqual(statuses(files), "missing doubtful short missing");
        assert.strictEqual(badPieces, 4);
      }),
    ),
  );

  it.effect("finds everything missing where nothing is", () =>
    onMachine(
      Effect.gen(function* () {
        const { info } = torrentOf(THREE);
        const { files, badPieces, pieces } = yield* verify({ info, path: "/nowhere" });
        assert.strictEqual(statuses(files), "missing missing missing");
        assert.strictEqual(badPieces, pieces);
      }),
    ),
  );
});
