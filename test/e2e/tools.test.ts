import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, readFileSync, rmSync, symlinkSync, truncateSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, dirname, join } from "node:path";
import { emptyFolder } from "../support/clients/folder.ts";
import { infoHashesOf } from "../support/clients/libtorrent.ts";
import { openTracker } from "../support/clients/opentracker.ts";
import { writeFiles } from "../support/clients/payload.ts";
import { describeClients } from "../support/clients/presence.ts";
import { start } from "../support/clients/processes.ts";
import { finished, makeHome, programPath, runProgram } from "../support/clients/program.ts";

const CONTENT = { "B.bin": 200_000, "ünï/ö": 30_000, "a.bin": 70_001, "c/empty": 0, "c/d.bin": 5, "c-d": 1 };

/** Files `album/…` in a folder of their own. */
const album = Effect.gen(function* () {
  const folder = yield* emptyFolder;
  writeFiles({ folder, name: "album", content: CONTENT });
  return folder;
});

const infoOf = (file: string) =>
  Effect.gen(function* () {
    const { stdout } = yield* runProgram(yield* makeHome, ["info", "--json", file]);
    return JSON.parse(stdout);
  });

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

describe("create", () => {
  it.live("says which names others will not find its files by", () =>
    Effect.gen(function* () {
      const home = yield* makeHome;
      const folder = yield* emptyFolder;
      writeFiles({ folder, name: "album", content: { "a\nb": 5, c: 5 } });
      const line = ["create", join(folder, "album"), "-o", join(folder, "x.torrent")];
      const { status, stderr } = yield* runProgram(home, line);
      assert.strictEqual(status, 0);
      assert.match(stderr, /: warning: 1 name will be changed .*\n {2}a.b -> a_b\n$/);
      const { stdout } = yield* runProgram(home, [...line, "--json"]);
      assert.deepInclude(JSON.parse(stdout), { type: "created", renamed: [{ from: "a\nb", to: "a_b" }] });
    }),
  );
});

describe("--pick", () => {
  it.live("asks nobody where there is no terminal", () =>
    Effect.gen(function* () {
      const home = yield* makeHome;
      const folder = yield* album;
      const torrent = join(folder, "x.torrent");
      yield* runProgram(home, ["create", join(folder, "album"), "-o", torrent]);
      const { status, stderr } = yield* runProgram(home, ["--dry-run", "--pick", torrent]);
      assert.strictEqual(status, 2);
      assert.match(stderr, /^bt-effect: --pick asks on a terminal/);
    }),
  );
});

describeClients("--pick on a terminal", ["script"], () => {
  it.live("takes keys, shows what they do, and goes on with what is chosen", () =>
    Effect.gen(function* () {
      const home = yield* makeHome;
      const folder = yield* album;
      const torrent = join(folder, "x.torrent");
      yield* runProgram(home, ["create", join(folder, "album"), "-o", torrent]);
      const command = `'${process.execPath}' '${programPath()}' --dry-run --pick '${torrent}'`;
      const env = { ...home.env, NO_COLOR: "1", TERM: "xterm" };
      /** Each of the keys is pressed when the screen shows what the last one did. */
      const pick = (...keys: ReadonlyArray<readonly [shown: RegExp, key: string]>) =>
        Effect.gen(function* () {
          const running = yield* start("/usr/bin/script", ["-qec", command, "/dev/null"], { env, typed: true });
          for (const [shown, key] of keys) {
            yield* running.prints(shown);
            yield* running.type(key);
          }
          return yield* finished(running);
        }).pipe(Effect.scoped);

      const some = yield* pick(
        [/> \[x\] 195\.3 KiB {2}B\.bin/, "\u{1b}[B"],
        [/> \[x\] {2}68\.4 KiB {2}a\.bin/, " "],
        [/ {2}\[ \] {2}68\.4 KiB {2}a\.bin/, "\r"],
      );
      assert.strictEqual(some.status, 0);
      assert.match(some.stdout, /Chosen {6}5 of 6 files/);
      assert.match(some.stdout, / {2}x 0 .* B\.bin\r\n {4}1 .* a\.bin\r\n {2}x 2 /);
      const none = yield* pick(
        [/> \[x\]/, "a"],
        [/> \[ \]/, "\r"],
        [/choose at least one file/, "a"],
        [/\[x\][^]*0 of 6[^]*6 of 6/, "\r"],
      );
      assert.match(none.stdout, /Chosen {6}6 of 6 files/);
      const stopped = yield* pick([/> \[x\]/, "\u{3}"]);
      assert.strictEqual(stopped.status, 130);
      assert.notInclude(stopped.stdout, "Chosen");
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

describe("create and edit", () => {
  it.live("write the same bytes again, and keep the info-hash", () =>
    Effect.gen(function* () {
      const home = yield* makeHome;
      const folder = yield* album;
      const [one, other] = [join(folder, "one.torrent"), join(folder, "other.torrent")];
      for (const output of [one, other]) {
        const made = yield* runProgram(home, ["create", join(folder, "album"), "--no-date", "-o", output]);
        assert.strictEqual(made.status, 0, made.stderr);
      }
      assert.deepStrictEqual(readFileSync(one), readFileSync(other));
      const tiers = ["--tracker", "http://a/announce,http://b/announce", "--tracker", "udp://c:1"];
      const edited = yield* runProgram(home, ["edit", one, ...tiers, "-o", other]);
      assert.strictEqual(edited.status, 0, edited.stderr);
      const [before, after] = [yield* infoOf(one), yield* infoOf(other)];
      assert.strictEqual(after.infoHash, before.infoHash);
      assert.deepStrictEqual(after.trackers, [["http://a/announce", "http://b/announce"], ["udp://c:1"]]);
    }),
  );
});

describeClients("create beside libtorrent", ["python3-libtorrent"], () => {
  for (const version of ["v1", "v2", "hybrid"] as const) {
    it.live(`makes the same info dictionary: ${version}`, () =>
      Effect.gen(function* () {
        const home = yield* makeHome;
        const folder = yield* album;
        chmodSync(join(folder, "album/a.bin"), 0o755);
        symlinkSync("../a.bin", join(folder, "album/c/link"));
        writeFiles({ folder, name: "lone", content: { "ä b/only.bin": 50_001 } });
        const torrent = join(folder, "x.torrent");
        const cases = [
          { path: "album", pieceLength: 32_768, private: false },
          { path: "album", pieceLength: 65_536, private: true },
          { path: "album/B.bin", pieceLength: 16_384, private: false },
          { path: "album/B.bin", pieceLength: 1_048_576, private: false },
          { path: "album/a.bin", pieceLength: 16_384, private: false },
          { path: "lone", pieceLength: 16_384, private: false },
        ];
        for (const { path, pieceLength, private: isPrivate } of cases) {
          const flags = [
            "--version",
            version,
            "--piece-length",
            String(pieceLength),
            ...(isPrivate ? ["--private"] : []),
          ];
          const made = yield* runProgram(home, ["create", join(folder, path), ...flags, "-o", torrent]);
          assert.strictEqual(made.status, 0, made.stderr);
          const info = yield* infoOf(torrent);
          assert.strictEqual(info.version, version);
          const files = info.files.filter(({ pad }: { readonly pad: boolean }) => !pad);
          const theirs = infoHashesOf({
            version,
            folder: join(folder, dirname(path)),
            name: basename(path),
            files,
            pieceLength,
            private: isPrivate,
            single: info.layout === "single",
          });
          assert.deepStrictEqual([info.infoHashV1 ?? null, info.infoHashV2 ?? null], [theirs.v1, theirs.v2], path);
          assert.strictEqual((yield* runProgram(home, ["verify", torrent, join(folder, path)])).status, 0);
        }
      }),
    );
  }
});

describeClients("create beside transmission and mktorrent", ["transmission-create", "mktorrent"], () => {
  it.live("makes the same info dictionary of files that need no attributes", () =>
    Effect.gen(function* () {
      const home = yield* makeHome;
      const folder = yield* emptyFolder;
      writeFiles({ folder, name: "album", content: { "a.bin": 200_000, "b.bin": 70_001, "c/ü.bin": 5 } });
      writeFiles({ folder, name: "holes", content: { "a.bin": 20_000, "d/empty": 0 } });
      const [ours, theirs] = [join(folder, "ours.torrent"), join(folder, "theirs.torrent")];
      const announce = "http://127.0.0.1:1/announce";
      // Transmission says of every torrent whether it is private, others say it of private ones alone; and it leaves empty files out.
      const transmission = { command: "transmission-create", args: ["-p", "-t", announce, "-s", "32"] };
      const mktorrent = { command: "mktorrent", args: ["-p", "-a", announce, "-l", "15"] };
      for (const [path, makers] of [
        ["album", [transmission, mktorrent]],
        ["album/a.bin", [transmission, mktorrent]],
        ["holes", [mktorrent]],
      ] as const) {
        const flags = ["--piece-length", "32K", "--private", "-o", ours];
        yield* runProgram(home, ["create", join(folder, path), ...flags]);
        const { infoHash } = yield* infoOf(ours);
        for (const { args, command } of makers) {
          rmSync(theirs, { force: true });
          const made = spawnSync(`/usr/bin/${command}`, [...args, "-o", theirs, join(folder, path)]);
          assert.strictEqual(made.status, 0, String(made.stderr));
          assert.strictEqual(infoHash, (yield* infoOf(theirs)).infoHash, command);
        }
      }
    }),
  );
});

describeClients("scrape", ["opentracker"], () => {
  it.live("asks over HTTP and UDP, and tells of a tracker that is not there", () =>
    Effect.gen(function* () {
      const home = yield* makeHome;
      const hash = "0123456789abcdef0123456789abcdef01234567";
      const tracker = yield* openTracker([hash]);
      const query = `info_hash=%01%23%45%67%89%ab%cd%ef%01%23%45%67%89%ab%cd%ef%01%23%45%67&peer_id=${"x".repeat(20)}`;
      yield* Effect.promise(() => fetch(`${tracker.http}?${query}&port=7000&left=0&uploaded=0&downloaded=0&compact=1`));
      const urls = [tracker.http, tracker.udp, "http://127.0.0.1:1/announce"];
      const trackers = urls.flatMap((url) => ["--tracker", url]);
      const { status, stdout } = yield* runProgram(home, ["scrape", "--json", hash, ...trackers]);
      assert.strictEqual(status, 0);
      const [http, udp, dead] = stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
      assert.deepStrictEqual([http.url, udp.url, dead.url], urls);
      assert.strictEqual(http.seeders, 1);
      assert.strictEqual(udp.seeders, 1);
      assert.strictEqual(dead.code, "tracker.unreachable");
      const table = yield* runProgram(home, ["scrape", hash, "--tracker", tracker.http]);
      assert.match(table.stdout, /^seeders +leechers +completed +tracker\n1 /);
      const none = yield* runProgram(home, ["scrape", hash]);
      assert.strictEqual(none.status, 1);
      assert.match(none.stderr, /names no tracker/);
    }),
  );
});

describeClients("scrape of a hybrid", ["opentracker"], () => {
  it.live("counts those of the swarm that has more", () =>
    Effect.gen(function* () {
      const home = yield* makeHome;
      const [v1, v2] = ["01".repeat(20), "23".repeat(32)];
      const tracker = yield* openTracker([v1, v2.slice(0, 40)]);
      const query = `info_hash=${"%23".repeat(20)}&peer_id=${"x".repeat(20)}`;
      yield* Effect.promise(() => fetch(`${tracker.http}?${query}&port=7000&left=0&uploaded=0&downloaded=0&compact=1`));
      const link = `magnet:?xt=urn:btih:${v1}&xt=urn:btmh:1220${v2}`;
      const urls = [tracker.http, tracker.udp].flatMap((url) => ["--tracker", url]);
      const { stdout } = yield* runProgram(home, ["scrape", "--json", link, ...urls]);
      const answers = stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
      assert.deepStrictEqual(
        answers.map(({ seeders, url }) => [url, seeders]),
        [
          [tracker.http, 1],
          [tracker.udp, 1],
        ],
      );
    }),
  );
});

describe("scrape", () => {
  it.live("shows how many download where a tracker tells them from partial seeds (BEP 21)", () =>
    Effect.gen(function* () {
      const hash = "61".repeat(20);
      const counts = "d8:completei3e10:downloadedi5e11:downloadersi2e10:incompletei4ee";
      const server = createServer((_, response) => void response.end(`d5:filesd20:${"a".repeat(20)}${counts}ee`));
      yield* Effect.promise(() => once(server.listen(0, "127.0.0.1"), "listening"));
      yield* Effect.addFinalizer(() => Effect.sync(() => server.close()));
      // It listens on TCP.
      const { port } = server.address() as AddressInfo;
      const tracker = ["--tracker", `http://127.0.0.1:${port}/announce`];
      const home = yield* makeHome;
      const table = yield* runProgram(home, ["scrape", hash, ...tracker, "--tracker", "http://127.0.0.1:1/announce"]);
      assert.match(
        table.stdout,
        /^seeders +leechers +downloaders +completed +tracker\n3 +4 +2 +5 +http\S+\n- +- +- +- +/,
      );
      const { stdout } = yield* runProgram(home, ["scrape", "--json", hash, ...tracker]);
      assert.deepInclude(JSON.parse(stdout), { seeders: 3, leechers: 4, downloaders: 2, completed: 5 });
    }),
  );
});
