import { assert, describe, it } from "@effect/vitest";
import { Effect, type Scope } from "effect";
import { truncateSync } from "node:fs";
import { join } from "node:path";
import { aria2Leecher } from "../support/clients/aria2.ts";
import { emptyFolder } from "../support/clients/folder.ts";
import { libtorrent } from "../support/clients/libtorrent.ts";
import { assertSame, makePayload, type Payload } from "../support/clients/payload.ts";
import { freePort } from "../support/clients/ports.ts";
import { describeClients } from "../support/clients/presence.ts";
import { btEffect, eventsOfType, makeHome, runProgram } from "../support/clients/program.ts";
import { recordingTracker } from "../support/clients/tracker.ts";
import { transmissionLeecher } from "../support/clients/transmission.ts";
import { webtorrentLeecher } from "../support/clients/webtorrent.ts";

/** What a client that is to fetch is told. */
interface Job {
  readonly payload: Payload;
  readonly folder: string;
  /** Ours. */
  readonly address: string;
  /** Has us dial it. */
  readonly dial: (address: string) => Effect.Effect<void, never, Scope.Scope>;
}

/** Seeds many files to one client; `leech` is over when that has all. Ends with 0 by SIGINT. */
const seedsTo = (
  leech: (job: Job) => Effect.Effect<void, never, Scope.Scope>,
  { args = [], place = "" }: { readonly args?: ReadonlyArray<string>; readonly place?: string } = {},
) =>
  Effect.gen(function* () {
    const port = yield* freePort;
    const address = `127.0.0.1:${port}`;
    const tracker = yield* recordingTracker({ peers: [address] });
    const payload = yield* makePayload({
      folder: yield* emptyFolder,
      name: "given",
      pieceLength: 64 * 1024,
      content: {
        "a/large": 9_000_001,
        ...Object.fromEntries([1, 2, 3].map((n) => [`${n}`, n * 33_333])),
      },
      trackers: [tracker.url],
    });
    const home = yield* makeHome;
    const start = (more: ReadonlyArray<string>) =>
      btEffect(home, [
        "seed",
        payload.torrent,
        join(payload.folder, place),
        "--no-trackers",
        ...["--bind", "127.0.0.1", "--port", String(port), "--json"],
        ...args,
        ...more,
      ]);
    const seeding = (more: ReadonlyArray<string>) =>
      Effect.gen(function* () {
        const running = yield* start(more);
        yield* running.until(() => eventsOfType(running.stdout(), "complete")[0]);
        return running;
      });
    let running = yield* seeding([]);
    const stop = Effect.gen(function* () {
      yield* running.kill("SIGINT");
      assert.strictEqual((yield* running.ended).status, 0);
    });
    const dial = (to: string) =>
      Effect.gen(function* () {
        yield* stop;
        running = yield* seeding(["--peer", to]);
      });
    const folder = yield* emptyFolder;
    yield* leech({ payload, folder, address, dial });
    assertSame(payload, join(folder, payload.name));
    yield* stop;
  });

const libtorrentLeecher = ({ address, folder, payload }: Job) =>
  Effect.flatMap(
    libtorrent({ mode: "leech", source: payload.torrent, folder, peers: [address] }),
    ({ finished }) => finished,
  );

describe.concurrent("seed", () => {
  describeClients("to libtorrent", ["python3-libtorrent"], () => {
    it.live("from the folder that holds the payload", () => seedsTo(libtorrentLeecher));
    it.live("from the payload's own folder", () => seedsTo(libtorrentLeecher, { place: "given" }));
    it.live("with --super-seed", () => seedsTo(libtorrentLeecher, { args: ["--super-seed"] }));
  });

  describeClients("to transmission", ["transmission-daemon"], () => {
    it.live("that it dials", () =>
      seedsTo(({ dial, folder, payload }) =>
        Effect.gen(function* () {
          const leecher = yield* transmissionLeecher(payload.torrent, folder);
          yield* dial(leecher.address);
          yield* leecher.finished;
        }),
      ),
    );
  });

  describeClients("to aria2", ["aria2c"], () => {
    it.live("that dials it", () =>
      seedsTo(({ folder, payload }) =>
        Effect.gen(function* () {
          const leecher = yield* aria2Leecher(payload.torrent, folder);
          assert.strictEqual((yield* leecher.ended).status, 0);
        }),
      ),
    );
  });

  describeClients("to webtorrent", ["webtorrent"], () => {
    it.live("that dials it", () =>
      seedsTo(({ folder, payload }) =>
        Effect.gen(function* () {
          const leecher = yield* webtorrentLeecher(payload.torrent, folder);
          assert.strictEqual((yield* leecher.ended).status, 0);
        }),
      ),
    );
  });
});

describe.concurrent("seed", () => {
  const makeOne = Effect.flatMap(emptyFolder, (folder) =>
    makePayload({ folder, name: "one.bin", pieceLength: 32 * 1024, content: 1_000_000 }),
  );

  it.live("ends with 0 after --seed-time, and hashes nothing the next time", () =>
    Effect.gen(function* () {
      const payload = yield* makeOne;
      const home = yield* makeHome;
      const args = ["seed", payload.torrent, payload.folder, "--no-trackers", "--seed-time", "1200ms", "--json"];
      for (const from of ["hashed", "record"]) {
        const { status, stdout } = yield* runProgram(home, args);
        assert.strictEqual(status, 0);
        assert.strictEqual(eventsOfType(stdout, "resumed")[0]?.from, from);
        assert.strictEqual(eventsOfType(stdout, "progress").at(-1)?.phase, "seeding");
      }
    }),
  );

  it.live("shares what is there of a damaged payload, says so, and leaves it as it is", () =>
    Effect.gen(function* () {
      const payload = yield* makeOne;
      const path = join(payload.folder, payload.name);
      truncateSync(path, 500_000);
      const args = ["seed", payload.torrent, path, "--no-trackers", "--seed-time", "1200ms", "--json"];
      const { status, stdout } = yield* runProgram(yield* makeHome, args);
      assert.strictEqual(status, 0);
      assert.deepStrictEqual(
        eventsOfType(stdout, "warning").map(({ code }) => code),
        ["seed.incomplete"],
      );
      assert.deepStrictEqual(eventsOfType(stdout, "complete"), []);
      assert.strictEqual(eventsOfType(stdout, "progress").at(-1)?.pieces, Math.floor(500_000 / 32_768));
    }),
  );

  it.live("ends with 4 where nothing of the torrent is", () =>
    Effect.gen(function* () {
      const payload = yield* makeOne;
      const args = ["seed", payload.torrent, yield* emptyFolder, "--no-trackers"];
      const { status, stderr } = yield* runProgram(yield* makeHome, args);
      assert.strictEqual(status, 4);
      assert.match(stderr, /nothing of it is at .*name the payload itself/);
    }),
  );
});
