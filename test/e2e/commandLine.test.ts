import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { emptyFolder } from "../support/clients/folder.ts";
import { libtorrentSeeder } from "../support/clients/libtorrent.ts";
import { assertSame, makePayload } from "../support/clients/payload.ts";
import { describeClients } from "../support/clients/presence.ts";
import { freePort } from "../support/clients/ports.ts";
import { start } from "../support/clients/processes.ts";
import { eventsOf, eventsOfType, makeHome, programPath, runProgram } from "../support/clients/program.ts";

const makeSmall = Effect.flatMap(emptyFolder, (folder) =>
  makePayload({ folder, name: "small.bin", pieceLength: 16_384, content: 100_000 }),
);

describe("the program", () => {
  for (const [what, args, line] of [
    [
      "an unknown flag",
      ["--sequentia", "x.torrent"],
      /^bt-effect: there is no flag --sequentia; did you mean --sequential\?\n$/,
    ],
    ["no torrent", [], /^bt-effect: <torrent> is missing; see: bt-effect --help\n$/],
    ["a value out of range", ["--port", "65536", "x.torrent"], /^bt-effect: --port "65536": expected .*\n$/],
  ] as const) {
    it.live(`ends with 2 and one line on stderr for ${what}`, () =>
      Effect.gen(function* () {
        const { status, stdout, stderr } = yield* runProgram(yield* makeHome, args);
        assert.match(stderr, line);
        assert.deepStrictEqual({ status, stdout }, { status: 2, stdout: "" });
      }),
    );
  }

  it.live("ends with 3 for a torrent that is none, and for none at all", () =>
    Effect.gen(function* () {
      const home = yield* makeHome;
      writeFileSync(join(home.folder, "garbage.torrent"), "d8:announce3:abc");
      const garbage = yield* runProgram(home, ["garbage.torrent"]);
      assert.strictEqual(garbage.status, 3);
      assert.match(garbage.stderr, /^bt-effect: garbage\.torrent: .*\n$/);
      const absent = yield* runProgram(home, ["absent.torrent"]);
      assert.strictEqual(absent.status, 3);
      assert.match(absent.stderr, /^bt-effect: absent\.torrent: no such file\n$/);
      const bad = yield* runProgram(home, ["magnet:?xt=urn:btih:123"]);
      assert.strictEqual(bad.status, 3);
    }),
  );

  it.live("ends with 5 where there is nobody to ask, and when nobody answers within --timeout", () =>
    Effect.gen(function* () {
      const payload = yield* makeSmall;
      const home = yield* makeHome;
      const alone = yield* runProgram(home, [payload.torrent]);
      assert.strictEqual(alone.status, 5);
      assert.match(alone.stderr, /there is no tracker and no peer to ask; name one with --tracker or --peer\n$/);
      const peer = `127.0.0.1:${yield* freePort}`;
      const args = [payload.torrent, "--peer", peer, "--port", "0", "--timeout", "1s", "--quiet"];
      const waited = yield* runProgram(home, args);
      assert.strictEqual(waited.status, 5);
      assert.match(
        waited.stderr,
        /^bt-effect: small\.bin: nothing arrived for 1 s \(.*\); run the same command again to continue\n$/,
      );
    }),
  );

  it.live("reads a torrent from stdin, and finds a complete payload without any network", () =>
    Effect.gen(function* () {
      const payload = yield* makeSmall;
      const home = yield* makeHome;
      cpSync(join(payload.folder, payload.name), home.out(payload.name));
      const run = yield* runProgram(home, ["-", "--json"], { input: readFileSync(payload.torrent) });
      assert.deepInclude(run, { status: 0, stderr: "" });
      assert.strictEqual(eventsOfType(run.stdout, "complete")[0]?.output, home.out(payload.name));
    }),
  );

  it.live("says nothing about a reader of its help that has enough", () =>
    Effect.gen(function* () {
      const home = yield* makeHome;
      const script = '"$@" --help | head -n 1; echo "${PIPESTATUS[0]}"';
      const shell = yield* start("bash", ["-c", script, "bash", process.execPath, programPath()], { env: home.env });
      yield* shell.ended;
      assert.strictEqual(shell.stderr(), "");
      assert.match(shell.stdout(), /\n0\n$/);
    }),
  );
});

describeClients("the program with a peer", ["python3-libtorrent"], () => {
  it.live("tells everything in JSON, in order, and nothing else", () =>
    Effect.gen(function* () {
      const payload = yield* makeSmall;
      const { address } = yield* libtorrentSeeder(payload);
      const run = yield* runProgram(yield* makeHome, [payload.torrent, "--peer", address, "--port", "0", "--json"]);
      assert.deepInclude(run, { status: 0, stderr: "" });
      const types = eventsOf(run.stdout).map(({ type }) => type);
      assert.deepStrictEqual(types.slice(0, 3), ["started", "metadata", "resumed"]);
      assert.strictEqual(types.at(-1), "complete");
      assert.includeMembers(types, ["peer", "progress"]);
    }),
  );

  it.live("says where it goes and what it did on a stderr that is no terminal, without control characters", () =>
    Effect.gen(function* () {
      const payload = yield* makeSmall;
      const { address } = yield* libtorrentSeeder(payload);
      const home = yield* makeHome;
      const run = yield* runProgram(home, [payload.torrent, "--peer", address, "--port", "0"]);
      assert.strictEqual(run.status, 0);
      assert.strictEqual(run.stdout, "");
      assert.match(
        run.stderr,
        /^small\.bin: 97\.7 KiB in 1 file, into .*\n(.*\n)*small\.bin: complete, 97\.7 KiB verified, .*\n$/,
      );
      assert.notMatch(run.stderr, /[\u0000-\u0009\u000b-\u001f]/);
    }),
  );

  it.live("completes although nobody reads its JSON any more", () =>
    Effect.gen(function* () {
      const payload = yield* makeSmall;
      const { address } = yield* libtorrentSeeder(payload);
      const home = yield* makeHome;
      const script = '"$@" --json | head -n 1; echo "${PIPESTATUS[0]}"';
      const args = [process.execPath, programPath(), payload.torrent, "--peer", address, "--port", "0"];
      const shell = yield* start("bash", ["-c", script, "bash", ...args], { cwd: home.folder, env: home.env });
      yield* shell.ended;
      assert.strictEqual(shell.stderr(), "");
      assert.match(shell.stdout(), /^\{"type":"started".*\}\n0\n$/);
      assertSame(payload, home.out(payload.name));
    }),
  );
});
