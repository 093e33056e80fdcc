import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { truncateSync } from "node:fs";
import { join } from "node:path";
import { emptyFolder } from "../support/clients/folder.ts";
import { writeFiles } from "../support/clients/payload.ts";
import { makeHome, runProgram } from "../support/clients/program.ts";
import { album } from "../support/clients/album.ts";

describe("verify", () => {
  it.live("ends with 0 for good files and with 6 for damaged ones, named one by one", () =>
    Effect.gen(function* () {
      const home = yield* makeHome;
      const folder = yield* album;
      const torrent = join(folder, "x.torrent");
      assert.strictEqual((yield* runProgram(home, ["create", join(folder, "album"), "-o", torrent])).status, 0);
      for (const path of [folder, join(folder, "album")]) {
        const good = yield* runProgram(home, ["verify", torrent, path]);
        assert.strictEqual(good.status, 0);
        assert.strictEqual(good.stdout.match(/^good /gm)?.length, 6);
      }
      truncateSync(join(folder, "album/a.bin"), 9);
      const bad = yield* runProgram(home, ["verify", torrent, folder]);
      assert.strictEqual(bad.status, 6);
      assert.include(bad.stdout, "short     a.bin (9 of 70001 bytes)\n");
      assert.match(bad.stderr, /^bt-effect: album: \d of 6 files at .*\n$/);
    }),
  );
});

describe("threads that hash", () => {
  it.live("are there in the bundle, and are not started for little", () =>
    Effect.gen(function* () {
      const home = yield* makeHome;
      const folder = yield* emptyFolder;
      writeFiles({ folder, name: "content", content: { "large.bin": 80 * 1024 * 1024, "small.bin": 9 } });
      const large = join(folder, "content/large.bin");
      const torrent = join(folder, "x.torrent");
      const made = yield* runProgram(home, ["create", "--debug", large, "-o", torrent]);
      assert.match(made.stderr, /hashing on \d+ threads/);
      assert.notMatch(made.stderr, /the main one does/);
      const verified = yield* runProgram(home, ["verify", "--debug", torrent, large]);
      assert.match(verified.stderr, /hashing on \d+ threads/);
      assert.notMatch(verified.stderr, /the main one does/);
      assert.strictEqual(verified.status, 0);
      const little = yield* runProgram(home, ["create", "--debug", join(folder, "content/small.bin"), "-o", torrent]);
      assert.notMatch(little.stderr, /threads/);
    }),
  );
});
