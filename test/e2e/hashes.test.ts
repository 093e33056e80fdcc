import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { cpSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { emptyFolder } from "../support/clients/folder.ts";
import { libtorrent } from "../support/clients/libtorrent.ts";
import { openTracker } from "../support/clients/opentracker.ts";
import { assertSame, type Payload } from "../support/clients/payload.ts";
import { describeClients } from "../support/clients/presence.ts";
import { btEffect, eventsOfType, makeHome, runProgram } from "../support/clients/program.ts";
import { makeTrees, treeName } from "../support/clients/trees.ts";

type Version = "1" | "2" | "hybrid";

/** Files shorter than a block and than a piece, of whole pieces, of more pieces than hashes are asked for at once, and empty. */
const content = {
  "a/large": 9_000_001,
  "b.bin": 16_384 * 3,
  "c/empty": 0,
  "c/some": 40_000,
  "d/tiny": 5,
  "z last": 16_385,
};

/** The same files whatever the version. */
const treesOf = (version: Version) => makeTrees({ content, pieceLength: 16_384, version });

/** The link of a torrent, without its name and trackers; with v2's hash alone where that is wanted. */
const linkOf = (payload: Payload, only?: "v1" | "v2") =>
  Effect.gen(function* () {
    const { stdout } = yield* runProgram(yield* makeHome, ["magnet", payload.torrent]);
    const topics = stdout.match(/xt=urn:bt[im]h:[0-9a-f]+/gi) ?? [];
    const wanted = topics.filter((topic) => only === undefined || topic.includes(only === "v1" ? "btih" : "btmh"));
    assert.isAbove(wanted.length, 0);
    return `magnet:?${wanted.join("&")}`;
  });

/** How libtorrent is reached: by one of the two alone. */
const ways = {
  TCP: {},
  uTP: {
    enable_outgoing_tcp: false,
    enable_incoming_tcp: false,
    enable_outgoing_utp: true,
    enable_incoming_utp: true,
  },
} as const;

const seedOf = (payload: Payload, way: keyof typeof ways) =>
  libtorrent({ mode: "seed", source: payload.torrent, folder: payload.folder, settings: ways[way] });

/** Fetches with ours from libtorrent. */
const fetches = (payload: Payload, source: string, way: keyof typeof ways) =>
  Effect.gen(function* () {
    const seeder = yield* seedOf(payload, way);
    const home = yield* makeHome;
    const flags = ["--bind", "127.0.0.1", "--port", "0", "--no-trackers", "--timeout", "60s", "--json"];
    const run = yield* runProgram(home, [source, "--peer", seeder.address, ...flags]);
    assert.strictEqual(run.status, 0, run.stderr + run.stdout.slice(-2_000));
    assertSame(payload, home.out(treeName));
    assert.deepStrictEqual(eventsOfType(run.stdout, "warning"), []);
  });

/** Shares with ours, fetches with libtorrent. */
const shares = (payload: Payload, source: string, way: keyof typeof ways) =>
  Effect.gen(function* () {
    const home = yield* makeHome;
    cpSync(join(payload.folder, treeName), home.out(treeName), { recursive: true });
    const flags = ["--bind", "127.0.0.1", "--port", "0", "--no-trackers", "--json"];
    const running = yield* btEffect(home, ["seed", payload.torrent, home.out(treeName), ...flags]);
    const port = yield* running.until(() => eventsOfType(running.stdout(), "started")[0]?.port);
    yield* running.until(() => eventsOfType(running.stdout(), "complete")[0]);
    const folder = yield* emptyFolder;
    const peers = [`127.0.0.1:${port}`];
    const leecher = yield* libtorrent({ mode: "leech", source, folder, peers, settings: ways[way] });
    yield* leecher.finished;
    assert.strictEqual((yield* leecher.report).failed, 0);
    assertSame(payload, join(folder, treeName));
  });

describeClients("v2 and hybrids with libtorrent", ["python3-libtorrent", "opentracker"], () => {
  for (const version of ["2", "hybrid"] as const)
    for (const way of ["TCP", "uTP"] as const)
      describe.concurrent(`(${version}) over ${way}`, () => {
        it.live("are fetched by a magnet link: metadata, hashes, pieces", () =>
          Effect.gen(function* () {
            const payload = yield* treesOf(version);
            yield* fetches(payload, yield* linkOf(payload), way);
          }),
        );
        it.live("are shared with one who has the magnet link alone", () =>
          Effect.gen(function* () {
            const payload = yield* treesOf(version);
            yield* shares(payload, yield* linkOf(payload), way);
          }),
        );
        if (way === "uTP") {
          it.live("are fetched by a .torrent", () =>
            Effect.flatMap(treesOf(version), (payload) => fetches(payload, payload.torrent, way)),
          );
          it.live("are shared by a .torrent", () =>
            Effect.flatMap(treesOf(version), (payload) => shares(payload, payload.torrent, way)),
          );
        }
      });

  describe.concurrent("a link", () => {
    for (const only of ["v1", "v2"] as const)
      it.live(`that has only the ${only} hash of a hybrid fetches it, and shares it`, () =>
        Effect.gen(function* () {
          const payload = yield* treesOf("hybrid");
          const link = yield* linkOf(payload, only);
          yield* Effect.all([fetches(payload, link, "TCP"), shares(payload, link, "TCP")], { concurrency: 2 });
        }),
      );

    for (const version of ["2", "hybrid"] as const)
      it.live(`is saved as the .torrent that it stands for, piece layers included (${version})`, () =>
        Effect.gen(function* () {
          const payload = yield* treesOf(version);
          const seeder = yield* seedOf(payload, "TCP");
          const home = yield* makeHome;
          const link = `${yield* linkOf(payload)}&x.pe=${seeder.address}`;
          const saved = home.out("saved.torrent");
          const run = yield* runProgram(home, ["magnet", link, "--save", saved, "--no-dht", "--no-lsd"]);
          assert.strictEqual(run.status, 0, run.stderr);
          for (const key of ["4:info", "12:piece layers"]) {
            const [theirs, ours] = [payload.torrent, saved].map((path) => readFileSync(path, "latin1"));
            const at = theirs?.indexOf(key) ?? -1;
            assert.isAbove(at, 0);
            assert.include(ours, theirs?.slice(at, at + 2_000));
          }
          yield* fetches(payload, saved, "TCP");
        }),
      );

    it.live("is shown by a dry run once its metadata was fetched, and not one byte is written", () =>
      Effect.gen(function* () {
        const payload = yield* treesOf("2");
        const seeder = yield* seedOf(payload, "TCP");
        const home = yield* makeHome;
        const link = `${yield* linkOf(payload)}&x.pe=${seeder.address}`;
        const out = home.out("out");
        const flags = ["--dry-run", "--json", "--no-dht", "--no-lsd", "--timeout", "60s"];
        const run = yield* runProgram(home, [link, out, ...flags]);
        assert.strictEqual(run.status, 0, run.stderr);
        const last: unknown = JSON.parse(run.stdout.trimEnd().split("\n").at(-1) ?? "");
        assert.deepInclude(last, { type: "preview", version: "v2", output: out });
        assert.isFalse(existsSync(out));
      }),
    );
  });

  describe.concurrent("a tracker that knows no other name than the truncated v2 hash", () => {
    for (const version of ["2", "hybrid"] as const)
      for (const kind of ["http", "udp"] as const)
        it.live(`brings both sides together (${version}, ${kind})`, () =>
          Effect.gen(function* () {
            const payload = yield* treesOf(version);
            const link = yield* linkOf(payload);
            const hash = /btmh:1220([0-9a-f]{40})/i.exec(link)?.[1] ?? assert.fail("no hash of v2");
            const tracker = yield* openTracker([hash]);
            const { torrent: source, folder } = payload;
            const seeder = yield* libtorrent({ mode: "seed", source, folder, trackers: [tracker[kind]] });
            yield* seeder.announced;
            const home = yield* makeHome;
            const flags = ["--tracker", tracker[kind], "--port", "0", "--no-dht", "--no-lsd", "--timeout", "60s"];
            const run = yield* runProgram(home, [link, ...flags, "--json"]);
            assert.strictEqual(run.status, 0, run.stderr);
            assertSame(payload, home.out(treeName));
          }),
        );
  });

  it.live("the same files as v1, v2 and hybrid are the same for each", () =>
    Effect.gen(function* () {
      const payloads = yield* Effect.forEach(["1", "2", "hybrid"] as const, treesOf);
      yield* Effect.forEach(
        payloads,
        (payload) =>
          Effect.gen(function* () {
            const link = yield* linkOf(payload);
            yield* fetches(payload, link, "TCP");
            // What one version fetched is complete for another.
            const home = yield* makeHome;
            cpSync(join(payload.folder, treeName), home.out(treeName), { recursive: true });
            for (const other of payloads) {
              const { status } = yield* runProgram(home, ["verify", other.torrent, home.out(treeName)]);
              assert.strictEqual(status, 0);
            }
          }),
        { concurrency: 3, discard: true },
      );
    }),
  );
});
