import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { chmodSync, chownSync, mkdirSync, readFileSync, rmdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { emptyFolder } from "../support/clients/folder.ts";
import { libtorrentSeeder } from "../support/clients/libtorrent.ts";
import { assertSame, makePayload } from "../support/clients/payload.ts";
import { describeClients } from "../support/clients/presence.ts";
import { smallDisk } from "../support/clients/smallDisk.ts";
import {
  btEffect,
  eventsOfType,
  fetchedAgain,
  finished,
  type Finished,
  type Home,
  makeHome,
  runProgram,
} from "../support/clients/program.ts";

const MIB = 1024 * 1024;
const NOBODY = 65_534;

/** Eight files of 2 MiB from one libtorrent peer. */
const makeSwarm = (options: { readonly uploadLimit?: number } = {}) =>
  Effect.gen(function* () {
    const payload = yield* makePayload({
      folder: yield* emptyFolder,
      name: "album",
      pieceLength: 64 * 1024,
      content: Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`cd/${index}.flac`, 2 * MIB])),
    });
    const seeder = yield* libtorrentSeeder(payload, options);
    const args = (out: string) => [payload.torrent, out, "--peer", seeder.address, "--port", "0", "--no-trackers"];
    return { payload, seeder, args };
  });

/** It ended for a reason of the disk, told in one line that names `path` and what to do. */
const assertStorageLine = ({ status, stderr }: Finished, line: RegExp): void => {
  assert.match(stderr, line);
  assert.strictEqual(stderr.trimEnd().split("\n").length, 1);
  assert.strictEqual(status, 4);
};

/** Runs in silence, so that stderr holds nothing but the error. */
const runQuietly = (home: Home, args: ReadonlyArray<string>) => runProgram(home, [...args, "--quiet"]);

describeClients("a disk that is too small", ["python3-libtorrent", "root"], () => {
  it.live("is found out before anything is fetched, and enlarged it takes the same command", () =>
    Effect.gen(function* () {
      const { payload, args, seeder } = yield* makeSwarm();
      const disk = yield* smallDisk(8 * MIB);
      const home = yield* makeHome;
      const out = join(disk.folder, "out");
      const refused = yield* runQuietly(home, args(out));
      assertStorageLine(refused, /^bt-effect: .*out: not enough space: \d+ MiB needed, \d+ MiB free; free some space/);
      assert.strictEqual((yield* seeder.report).uploaded, 0);

      yield* disk.remount("size=64m");
      assert.deepInclude(yield* runQuietly(home, args(out)), { status: 0, stderr: "" });
      assertSame(payload, out);
    }),
  );

  it.live("ends a download under way in order, and enlarged it takes the rest with the same command", () =>
    Effect.gen(function* () {
      const { payload, args } = yield* makeSwarm({ uploadLimit: 3 * MIB });
      const disk = yield* smallDisk(20 * MIB);
      const home = yield* makeHome;
      const out = join(disk.folder, "out");
      const running = yield* btEffect(home, [...args(out), "--json"]);
      yield* running.until(() =>
        eventsOfType(running.stdout(), "progress").find(({ done }) => done > payload.size * 0.2),
      );
      // Somebody else takes nearly all that is left.
      yield* running.kill("SIGSTOP");
      const { bavail, bsize } = statfsSync(disk.folder);
      writeFileSync(join(disk.folder, "other"), new Uint8Array(bavail * bsize - MIB));
      yield* running.kill("SIGCONT");
      const full = yield* finished(running);
      assertStorageLine(full, /^bt-effect: .*out.*: the disk is full; free some space and run the same command again/);
      assert.strictEqual(eventsOfType(full.stdout, "error")[0]?.code, "storage.no-space");

      yield* disk.remount("size=64m");
      const again = yield* runProgram(home, [...args(out), "--json"]);
      assert.deepInclude(again, { status: 0, stderr: "" });
      assertSame(payload, out);
      const had = eventsOfType(again.stdout, "resumed")[0]?.bytes ?? 0;
      assert.isAbove(had, payload.size * 0.2);
      assert.isAtMost(fetchedAgain(full.stdout, again.stdout), payload.size * 0.05);
    }),
  );

  it.live("is named when it is read-only", () =>
    Effect.gen(function* () {
      const { args } = yield* makeSwarm();
      const disk = yield* smallDisk(64 * MIB);
      yield* disk.remount("ro");
      const refused = yield* runQuietly(yield* makeHome, args(join(disk.folder, "out")));
      assertStorageLine(refused, /^bt-effect: .*out.*: the file system is read-only; choose another output\n$/);
    }),
  );
});

describeClients("a place without permission", ["python3-libtorrent", "root"], () => {
  it.live("stops the download, and the same command completes it once it is allowed", () =>
    Effect.gen(function* () {
      const { payload, args } = yield* makeSwarm();
      const home = yield* makeHome;
      chownSync(home.folder, NOBODY, NOBODY);
      chmodSync(payload.folder, 0o755);
      const place = yield* emptyFolder;
      chmodSync(place, 0o555);
      const out = join(place, "out");
      const refused = yield* runProgram(home, [...args(out), "--quiet"], { uid: NOBODY });
      assertStorageLine(refused, /^bt-effect: .*out.*: no permission; choose another output or change its permissions/);

      chmodSync(place, 0o777);
      assert.deepInclude(yield* runProgram(home, [...args(out), "--quiet"], { uid: NOBODY }), {
        status: 0,
        stderr: "",
      });
      assertSame(payload, out);
    }),
  );
});

describeClients("something in the way of the output", ["python3-libtorrent"], () => {
  describe.concurrent("stops the download", () => {
    it.live("a folder where a file has to go, until it is moved away", () =>
      Effect.gen(function* () {
        const { payload, args } = yield* makeSwarm();
        const home = yield* makeHome;
        const out = home.out("out");
        mkdirSync(join(out, "album/cd/3.flac"), { recursive: true });
        const refused = yield* runQuietly(home, args(out));
        assertStorageLine(refused, /^bt-effect: .*3\.flac: is a folder, but a file has to go there; move it away/);

        rmSync(out, { recursive: true });
        assert.deepInclude(yield* runQuietly(home, args(out)), { status: 0, stderr: "" });
        assertSame(payload, out);
      }),
    );

    it.live("a file where a folder has to go, until it is moved away", () =>
      Effect.gen(function* () {
        const { payload, args } = yield* makeSwarm();
        const home = yield* makeHome;
        const out = home.out("out");
        writeFileSync(out, "mine");
        const refused = yield* runQuietly(home, args(out));
        assert.strictEqual(readFileSync(out, "utf8"), "mine");
        assertStorageLine(refused, /^bt-effect: .*out.*: a file is in the way where a folder has to be; move it away/);

        rmSync(out);
        assert.deepInclude(yield* runQuietly(home, args(out)), { status: 0, stderr: "" });
        assertSame(payload, out);
      }),
    );

    it.live("a file of somebody else's, until --overwrite", () =>
      Effect.gen(function* () {
        const folder = yield* emptyFolder;
        const payload = yield* makePayload({ folder, name: "one.bin", pieceLength: 16_384, content: 100_000 });
        const { address } = yield* libtorrentSeeder(payload);
        const home = yield* makeHome;
        const out = home.out("one.bin");
        const args = [payload.torrent, out, "--peer", address, "--port", "0", "--no-trackers"];
        writeFileSync(out, "mine");
        const refused = yield* runQuietly(home, args);
        assert.strictEqual(readFileSync(out, "utf8"), "mine");
        assertStorageLine(
          refused,
          /^bt-effect: .*one\.bin: exists and has nothing in common with the torrent; .*--overwrite\n$/,
        );

        assert.deepInclude(yield* runQuietly(home, [...args, "--overwrite"]), { status: 0, stderr: "" });
        assertSame(payload, out);
      }),
    );
  });
});

describeClients("what is deleted during the download", ["python3-libtorrent"], () => {
  describe.concurrent("is missed before all is fetched, and fetched again by the same command:", () => {
    for (const [what, deleted] of [
      ["a file", "cd/0.flac"],
      ["the folder", ""],
    ] as const) {
      it.live(what, () =>
        Effect.gen(function* () {
          const { payload, args, seeder } = yield* makeSwarm({ uploadLimit: 1.5 * MIB });
          const home = yield* makeHome;
          const out = home.out("out");
          const running = yield* btEffect(home, [...args(out), "--json", "--sequential"]);
          yield* running.until(() =>
            eventsOfType(running.stdout(), "progress").find(({ files }) => (files?.[0] ?? 0) > 0),
          );
          rmSync(join(out, deleted), { recursive: true });
          const first = yield* finished(running);
          assertStorageLine(
            first,
            /^bt-effect: .*\.flac: was removed or cut short while in use; run the same command again/,
          );
          const before = (yield* seeder.report).uploaded;
          assert.isBelow(before, payload.size * 0.8);

          const again = yield* runProgram(home, [...args(out), "--json"]);
          assert.deepInclude(again, { status: 0, stderr: "" });
          assertSame(payload, out);
          const twice = what === "a file" ? 2 * MIB : before;
          assert.isAtMost(fetchedAgain(first.stdout, again.stdout), payload.size * 0.05 + twice);
        }),
      );
    }
  });

  it.live("with a folder that was complete, is fetched again by the same command", () =>
    Effect.gen(function* () {
      const { payload, args } = yield* makeSwarm();
      const home = yield* makeHome;
      const out = home.out("out");
      assert.deepInclude(yield* runQuietly(home, args(out)), { status: 0, stderr: "" });
      rmSync(join(out, "cd"), { recursive: true });
      rmdirSync(out);
      assert.deepInclude(yield* runQuietly(home, args(out)), { status: 0, stderr: "" });
      assertSame(payload, out);
    }),
  );
});
