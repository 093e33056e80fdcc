import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { emptyFolder } from "../support/clients/folder.ts";
import { infoHashesOf } from "../support/clients/libtorrent.ts";
import { writeFiles } from "../support/clients/payload.ts";
import { describeClients } from "../support/clients/presence.ts";
import { makeHome, runProgram } from "../support/clients/program.ts";
import { album, infoOf } from "../support/clients/album.ts";

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
