import { assert, it } from "@effect/vitest";
import { Effect } from "effect";
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { emptyFolder } from "../support/clients/folder.ts";
import { libtorrent, libtorrentSeeder } from "../support/clients/libtorrent.ts";
import { assertSame, makePayload } from "../support/clients/payload.ts";
import { describeClients } from "../support/clients/presence.ts";
import { btEffect, eventsOfType, makeHome } from "../support/clients/program.ts";
import { recordingTracker } from "../support/clients/tracker.ts";

const MIB = 1024 * 1024;

describeClients("a download under way", ["python3-libtorrent"], () => {
  it.live("serves what it has to a libtorrent peer that knows nobody else", () =>
    Effect.gen(function* () {
      const payload = yield* makePayload({
        folder: yield* emptyFolder,
        name: "shared.bin",
        pieceLength: 128 * 1024,
        content: 8 * MIB,
      });
      // The payload comes slowly, and not before the leecher is there: what the leecher gets meanwhile is served while downloading.
      const seeder = yield* libtorrentSeeder(payload, { uploadLimit: 2 * MIB });
      yield* seeder.running.kill("SIGSTOP");
      const home = yield* makeHome;
      const args = [payload.torrent, "--peer", seeder.address, "--bind", "127.0.0.1", "--port", "0", "--json"];
      const running = yield* btEffect(home, args);
      const port = yield* running.until(() => eventsOfType(running.stdout(), "started")[0]?.port);

      const folder = yield* emptyFolder;
      mkdirSync(`${folder}/out`);
      const leecher = yield* libtorrent({
        mode: "leech",
        source: payload.torrent,
        folder: `${folder}/out`,
        peers: [`127.0.0.1:${port}`],
      });
      yield* running.until(() =>
        eventsOfType(running.stdout(), "peer").find(({ direction }) => direction === "incoming"),
      );
      yield* seeder.running.kill("SIGCONT");
      const { status } = yield* running.ended;
      assert.strictEqual(status, 0);
      assertSame(payload, home.out(payload.name));
      const [complete] = eventsOfType(running.stdout(), "complete");
      assert.isAbove(complete?.uploaded ?? 0, payload.size / 4);
      const { verified, failed } = yield* leecher.report;
      assert.isAbove(verified, payload.size / 4);
      assert.strictEqual(failed, 0);
    }),
  );
});

describeClients("a complete payload with --seed", ["python3-libtorrent"], () => {
  it.live("is served to a libtorrent peer until SIGINT, which ends with 0", () =>
    Effect.gen(function* () {
      const payload = yield* makePayload({
        folder: yield* emptyFolder,
        name: "shared",
        pieceLength: 32 * 1024,
        content: Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`${index % 7}/${index}`, index * 9_999])),
      });
      const tracker = yield* recordingTracker();
      const home = yield* makeHome;
      cpSync(join(payload.folder, payload.name), home.out(payload.name), { recursive: true });
      const args = [
        payload.torrent,
        "--seed",
        "--tracker",
        tracker.url,
        "--bind",
        "127.0.0.1",
        "--port",
        "0",
        "--json",
      ];
      const running = yield* btEffect(home, args);
      const port = yield* running.until(() => eventsOfType(running.stdout(), "started")[0]?.port);
      yield* tracker.told("started");

      const folder = yield* emptyFolder;
      const peers = [`127.0.0.1:${port}`];
      const leecher = yield* libtorrent({ mode: "leech", source: payload.torrent, folder, peers });
      yield* leecher.finished;
      assertSame(payload, join(folder, payload.name));
      assert.deepInclude(yield* leecher.report, { verified: payload.size, failed: 0 });

      yield* running.kill("SIGINT");
      const { status } = yield* running.ended;
      assert.strictEqual(status, 0);
      assert.deepStrictEqual(
        tracker.announces.map(({ event, left }) => ({ event, left })),
        [
          { event: "started", left: 0 },
          { event: "stopped", left: 0 },
        ],
      );
    }),
  );
});
