import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { writeFileSync } from "node:fs";
import { emptyFolder } from "../support/clients/folder.ts";
import { libtorrentSeeder } from "../support/clients/libtorrent.ts";
import { assertSame, makePayload } from "../support/clients/payload.ts";
import { describeClients } from "../support/clients/presence.ts";
import { btEffect, eventsOf, eventsOfType, finished, makeHome } from "../support/clients/program.ts";

const MIB = 1024 * 1024;
const HOUR = 3_600_000;

/** A clock on the wall that shows what a file says (`+2h`), as a program sees it; the monotonic one is as it is. */
const wallClock = (file: string): Readonly<Record<string, string>> => ({
  // The loader knows what $LIB is on this machine.
  LD_PRELOAD: "/usr/$LIB/faketime/libfaketime.so.1",
  FAKETIME_TIMESTAMP_FILE: file,
  FAKETIME_NO_CACHE: "1",
  FAKETIME_DONT_FAKE_MONOTONIC: "1",
  DONT_FAKE_MONOTONIC: "1",
});

describeClients("a clock that is set while a download runs", ["python3-libtorrent", "faketime"], () => {
  describe.concurrent("changes nothing", () => {
    for (const jump of ["-2h", "+2h"])
      it.live(`by ${jump} and back`, () =>
        Effect.gen(function* () {
          const payload = yield* makePayload({
            folder: yield* emptyFolder,
            name: "timeless.bin",
            pieceLength: 64 * 1024,
            content: 12 * MIB,
          });
          const seeder = yield* libtorrentSeeder(payload, { uploadLimit: 2 * MIB });
          const home = yield* makeHome;
          const shows = home.out("clock");
          writeFileSync(shows, "+0");
          const args = [payload.torrent, "--peer", seeder.address, "--no-trackers", "--timeout", "20s", "--json"];
          const begun = performance.now();
          const running = yield* btEffect(home, args, { env: wallClock(shows) });
          const reaches = (share: number) =>
            running.until(() =>
              eventsOfType(running.stdout(), "progress").find(({ done }) => done > payload.size * share),
            );
          yield* reaches(0.2);
          writeFileSync(shows, jump);
          yield* reaches(0.6);
          writeFileSync(shows, "+0");
          const { status, stderr, stdout } = yield* finished(running);
          const took = (performance.now() - begun) / 1000;
          assert.deepStrictEqual([status, stderr], [0, ""]);
          assertSame(payload, home.out(payload.name));
          assert.deepStrictEqual(eventsOfType(stdout, "warning"), []);
          assert.isAtMost(eventsOfType(stdout, "complete")[0]?.seconds ?? Infinity, took);
          for (const { downloadRate, eta = 0 } of eventsOfType(stdout, "progress")) {
            assert.isAtLeast(downloadRate, 0);
            assert.isAtMost(downloadRate, 20 * MIB);
            assert.isAtLeast(eta, 0);
          }
          // and it was seen
          const times = eventsOf(stdout).map(({ time }) => Date.parse(time));
          assert.isAbove(Math.max(...times) - Math.min(...times), HOUR);
        }),
      );
  });
});
