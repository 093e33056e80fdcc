import { NodeServices } from "@effect/platform-node";
import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber, FileSystem } from "effect";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { canSave, saveBytes } from "../../src/app/saving.ts";

const BYTES = new TextEncoder().encode("de");

/** A folder of its own, gone at the end. */
const inFolder = <A, E>(
  use: (folder: string, fs: FileSystem.FileSystem) => Effect.Effect<A, E, NodeServices.NodeServices>,
) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    return yield* use(yield* fs.makeTempDirectoryScoped(), fs);
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer));

describe("saving", () => {
  it.live("replaces a file in one step and leaves alone what lies beside it", () =>
    inFolder((folder, fs) =>
      Effect.gen(function* () {
        const out = join(folder, "x.torrent");
        yield* fs.writeFileString(out, "a longer one that was there before");
        yield* fs.writeFileString(`${out}.part`, "of somebody else");
        yield* saveBytes(out, BYTES);
        assert.strictEqual(yield* fs.readFileString(out), "de");
        assert.strictEqual(yield* fs.readFileString(`${out}.part`), "of somebody else");
        assert.sameMembers(yield* fs.readDirectory(folder), ["x.torrent", "x.torrent.part"]);
      }),
    ),
  );

  it.live("writes to where a link leads, and the link stays", () =>
    inFolder((folder, fs) =>
      Effect.gen(function* () {
        yield* fs.makeDirectory(join(folder, "real"));
        const [link, target] = [join(folder, "x.torrent"), join(folder, "real/y.torrent")];
        yield* fs.writeFileString(target, "old");
        yield* fs.symlink(target, link);
        yield* saveBytes(link, BYTES);
        assert.strictEqual(yield* fs.readLink(link), target);
        assert.strictEqual(yield* fs.readFileString(target), "de");
      }),
    ),
  );

  it.live("writes into what is no file, like a pipe or /dev/null, and does not replace it", () =>
    inFolder((folder, fs) =>
      Effect.gen(function* () {
        const pipe = join(folder, "pipe");
        assert.strictEqual(spawnSync("mkfifo", [pipe]).status, 0);
        const read = yield* Effect.forkChild(fs.readFileString(pipe), { startImmediately: true });
        yield* saveBytes(pipe, BYTES);
        assert.strictEqual((yield* fs.stat(pipe)).type, "FIFO");
        assert.strictEqual(yield* Fiber.join(read), "de");
      }),
    ),
  );

  it.live("says before there is anything to save that it cannot be", () =>
    inFolder((folder, fs) =>
      Effect.gen(function* () {
        assert.strictEqual((yield* Effect.flip(canSave(folder))).reason._tag, "IsFolder");
        assert.match((yield* Effect.flip(canSave(join(folder, "no/x.torrent")))).message, /no such folder/);
        yield* fs.writeFileString(join(folder, "file"), "");
        assert.strictEqual((yield* Effect.flip(canSave(join(folder, "file/x.torrent")))).reason._tag, "NotFolder");
        yield* canSave(join(folder, "x.torrent"));
        yield* canSave(join(folder, "file"));
        yield* canSave("-");
        assert.deepStrictEqual(yield* fs.readDirectory(folder), ["file"]);
      }),
    ),
  );
});
