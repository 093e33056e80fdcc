import { assert, it } from "@effect/vitest";
import { Effect } from "effect";
import { mkdirSync } from "node:fs";
import { emptyFolder } from "../support/clients/folder.ts";
import { libtorrent, libtorrentSeeder } from "../support/clients/libtorrent.ts";
import { assertSame, makePayload } from "../support/clients/payload.ts";
import { describeClients } from "../support/clients/presence.ts";
import { btEffect, eventsOfType, makeHome } from "../support/clients/program.ts";

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
