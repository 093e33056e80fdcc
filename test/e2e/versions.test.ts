import { assert, it } from "@effect/vitest";
import { Effect } from "effect";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { emptyFolder } from "../support/clients/folder.ts";
import { libtorrent, libtorrentSeeder } from "../support/clients/libtorrent.ts";
import { assertSame, type Payload } from "../support/clients/payload.ts";
import { freePort } from "../support/clients/ports.ts";
import { describeClients } from "../support/clients/presence.ts";
import { btEffect, eventsOfType, makeHome, runProgram } from "../support/clients/program.ts";
import { makeTrees, treeName } from "../support/clients/trees.ts";

/** Files shorter than a block, than a piece, of whole pieces, and empty. */
const content = {
  "a/large": 5_000_001,
  "b.bin": 65_536 * 3,
  "c/empty": 0,
  "c/one block": 16_384,
  "c/some": 40_000,
  "d/tiny": 5,
  "z last": 100_000,
};

/** Ours, until `use` is over; ended by SIGINT then. */
const sharing = <A, E, R>(payload: Payload, folder: string, use: (address: string) => Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const port = yield* freePort;
    const flags = ["--no-trackers", "--bind", "127.0.0.1", "--port", String(port), "--no-utp", "--json"];
    const seed = yield* btEffect(yield* makeHome, ["seed", payload.torrent, folder, ...flags]);
    yield* seed.until(() => eventsOfType(seed.stdout(), "complete")[0]);
    yield* use(`127.0.0.1:${port}`);
    yield* seed.kill("SIGINT");
    assert.strictEqual((yield* seed.ended).status, 0);
  });

describeClients("torrents of version 2", ["python3-libtorrent"], () => {
  for (const version of ["2", "hybrid"] as const) {
    it.live(`are fetched from libtorrent, and shared with it again (${version})`, () =>
      Effect.gen(function* () {
        const payload = yield* makeTrees({ content, pieceLength: 65_536, version });
        const seeder = yield* libtorrentSeeder(payload);
        const home = yield* makeHome;
        const args = [payload.torrent, "--peer", seeder.address, "--no-trackers", "--no-utp", "--json"];
        const run = yield* runProgram(home, args);
        assert.strictEqual(run.status, 0, run.stderr);
        assertSame(payload, home.out(treeName));
        assert.deepStrictEqual(eventsOfType(run.stdout, "warning"), []);

        const folder = yield* emptyFolder;
        yield* sharing(payload, home.out(treeName), (address) =>
          Effect.gen(function* () {
            const leecher = yield* libtorrent({
              mode: "leech",
              source: payload.torrent,
              folder,
              peers: [address],
            });
            yield* leecher.finished;
            assert.strictEqual((yield* leecher.report).failed, 0);
          }),
        );
        assertSame(payload, join(folder, treeName));
      }),
    );

    it.live(`are checked and repaired file by file (${version})`, () =>
      Effect.gen(function* () {
        const payload = yield* makeTrees({ content, pieceLength: 65_536, version });
        const seeder = yield* libtorrentSeeder(payload);
        const whole = join(payload.folder, treeName);
        const home = yield* makeHome;
        const verify = runProgram(home, ["verify", payload.torrent, home.out(treeName)]);
        assert.strictEqual((yield* runProgram(home, ["verify", payload.torrent, whole])).status, 0);

        const args = [payload.torrent, "--peer", seeder.address, "--no-trackers", "--no-utp", "--quiet"];
        assert.strictEqual((yield* runProgram(home, [...args, "--select", "d/tiny"])).status, 0);
        assert.strictEqual((yield* verify).status, 6);
        assert.strictEqual((yield* runProgram(home, args)).status, 0);
        assert.strictEqual((yield* verify).status, 0);

        const damaged = readFileSync(home.out("trees/a/large"));
        damaged[4_000_000] = (damaged[4_000_000] ?? 0) ^ 1;
        writeFileSync(home.out("trees/a/large"), damaged);
        rmSync(home.out("trees/c/some"));
        const found = yield* verify;
        assert.strictEqual(found.status, 6);
        assert.match(found.stdout, /^damaged +a\/large \(1 of 77 pieces\)$/m);
        assert.match(found.stdout, /^missing +c\/some$/m);
        assert.match(found.stdout, /^good +d\/tiny$/m);
        assert.strictEqual((yield* runProgram(home, [...args, "--check"])).status, 0);
        assertSame(payload, home.out(treeName));
      }),
    );
  }
});
