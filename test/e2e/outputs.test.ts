import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { once } from "node:events";
import { cpSync, statSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { emptyFolder } from "../support/clients/folder.ts";
import { libtorrentSeeder } from "../support/clients/libtorrent.ts";
import { assertSame, listFiles, makePayload } from "../support/clients/payload.ts";
import { describeClients } from "../support/clients/presence.ts";
import { start } from "../support/clients/processes.ts";
import { btEffect, eventsOfType, finished, makeHome, programPath, runProgram } from "../support/clients/program.ts";

const MIB = 1024 * 1024;

/** Six files of 2 MiB and a bit in two folders, so that neighbours share pieces, and a libtorrent peer that has them. */
const makeSwarm = () =>
  Effect.gen(function* () {
    const payload = yield* makePayload({
      folder: yield* emptyFolder,
      name: "album",
      pieceLength: 64 * 1024,
      content: Object.fromEntries(
        Array.from({ length: 6 }, (_, index) => [`${index < 3 ? "a" : "b"}/${index}.flac`, 2 * MIB + 99]),
      ),
    });
    const seeder = yield* libtorrentSeeder(payload);
    const home = yield* makeHome;
    const onPort = (port: number) => [
      payload.torrent,
      ...["--peer", seeder.address],
      ...["--no-trackers", "--bind", "127.0.0.1"],
      ...["--port", String(port)],
      "--json",
    ];
    return { payload, seeder, home, onPort, args: onPort(0), out: home.out("album") };
  });

const succeeded = { status: 0, stderr: "" };

describeClients("an output", ["python3-libtorrent"], () => {
  describe.concurrent("of a run", () => {
    it.live("is taken as long as the run goes on: a second one says so and ends with 4", () =>
      Effect.gen(function* () {
        const { payload, seeder, home, args, out } = yield* makeSwarm();
        // However slow the second one starts, it finds the first one at work: there is nothing to be had yet.
        yield* seeder.running.kill("SIGSTOP");
        const first = yield* btEffect(home, args);
        yield* first.until(() => eventsOfType(first.stdout(), "resumed")[0]);
        const second = yield* runProgram(home, args);
        yield* seeder.running.kill("SIGCONT");
        assert.strictEqual(second.status, 4);
        assert.match(
          second.stderr,
          /^bt-effect: .*album: another run \(process \d+\) is already at work on this output; .*\n$/,
        );
        assert.include(second.stderr, `process ${first.pid}`);
        assert.deepInclude(yield* finished(first), succeeded);
        assertSame(payload, out);
      }),
    );

    it.live("takes the files that --select names by index or pattern, and later only what is missing", () =>
      Effect.gen(function* () {
        const { payload, seeder, home, args, out } = yield* makeSwarm();
        assert.deepInclude(yield* runProgram(home, [...args, "--select", "1"]), succeeded);
        assert.deepStrictEqual(listFiles(out), ["a/1.flac"]);
        assert.deepInclude(yield* runProgram(home, [...args, "--select", "0-1", "--select", "b/*4*"]), succeeded);
        assert.deepStrictEqual(listFiles(out), ["a/0.flac", "a/1.flac", "b/4.flac"]);
        assert.deepInclude(yield* runProgram(home, args), succeeded);
        assertSame(payload, out);
        // Nothing came twice, not even the pieces that neighbours share.
        assert.strictEqual((yield* seeder.report).uploaded, payload.size);
      }),
    );

    it.live("may be complete before: then nobody is asked for anything", () =>
      Effect.gen(function* () {
        const { payload, seeder, home, out } = yield* makeSwarm();
        cpSync(join(payload.folder, payload.name), out, { recursive: true });
        const run = yield* runProgram(home, [payload.torrent, "--no-trackers", "--json"]);
        assert.deepInclude(run, succeeded);
        assert.strictEqual(eventsOfType(run.stdout, "resumed")[0]?.from, "hashed");
        const again = yield* runProgram(home, [payload.torrent, "--no-trackers", "--json"]);
        assert.deepInclude(again, succeeded);
        assert.strictEqual(eventsOfType(again.stdout, "resumed")[0]?.from, "record");
        assertSame(payload, out);
        assert.strictEqual((yield* seeder.report).uploaded, 0);
      }),
    );

    it.live("is repaired where it is damaged, with --check", () =>
      Effect.gen(function* () {
        const { payload, seeder, home, args, out } = yield* makeSwarm();
        const other = yield* makePayload({
          folder: yield* emptyFolder,
          name: "other",
          pieceLength: 16_384,
          content: 2 * MIB + 99,
        });
        cpSync(join(payload.folder, payload.name), out, { recursive: true });
        cpSync(join(other.folder, other.name), join(out, "a/1.flac"));
        assert.deepInclude(yield* runProgram(home, [...args, "--check", "--overwrite"]), succeeded);
        assertSame(payload, out);
        assert.isAtMost((yield* seeder.report).uploaded, 2 * MIB + 3 * 64 * 1024);
      }),
    );

    it.live("has the permissions that the umask leaves", () =>
      Effect.gen(function* () {
        const { payload, home, args, out } = yield* makeSwarm();
        const shell = yield* start(
          "sh",
          ["-c", 'umask 027; exec "$@"', "sh", process.execPath, programPath(), ...args],
          { cwd: home.folder, env: home.env },
        );
        assert.strictEqual((yield* shell.ended).status, 0);
        assertSame(payload, out);
        const mode = (path: string): string => (statSync(join(out, path)).mode & 0o777).toString(8);
        assert.deepStrictEqual([mode("."), mode("a"), mode("a/1.flac")], ["750", "750", "640"]);
      }),
    );

    it.live("does not need the port that was asked for", () =>
      Effect.gen(function* () {
        const { payload, home, onPort, out } = yield* makeSwarm();
        const server = createServer().listen(0, "127.0.0.1");
        yield* Effect.addFinalizer(() => Effect.sync(() => server.close()));
        yield* Effect.promise(() => once(server, "listening"));
        // It listens on TCP.
        const { port } = server.address() as AddressInfo;
        const run = yield* runProgram(home, onPort(port));
        assert.strictEqual(run.status, 0);
        assertSame(payload, out);
        const [warning] = eventsOfType(run.stdout, "warning");
        assert.strictEqual(warning?.code, "port.unavailable");
        assert.include(warning?.message ?? "", String(port));
        assert.notStrictEqual(eventsOfType(run.stdout, "started")[0]?.port, port);
      }),
    );
  });
});
