import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { emptyFolder } from "../support/clients/folder.ts";
import { gatheringTracker } from "../support/clients/gatheringTracker.ts";
import { libtorrentSeeder } from "../support/clients/libtorrent.ts";
import { assertSame, makePayload } from "../support/clients/payload.ts";
import { describeClients } from "../support/clients/presence.ts";
import { btEffect, makeHome } from "../support/clients/program.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

describeClients("five programs and one slow seeder", ["python3-libtorrent"], () => {
  describe.concurrent("of libtorrent", () => {
    const small = { pieceLength: 64 * KIB, content: 48 * MIB, limits: [], most: 1.5 };
    // The seeder has to give 1.9 times as much if all share as fast as they may from the beginning: five times the size comes from 3 and 5 MiB/s.
    const large = { pieceLength: MIB, content: 24 * MIB, limits: ["--upload-limit", "1M"], most: 2.3 };
    for (const { host, what, pieceLength, content, limits, most } of [
      { host: "127.0.0.1", what: "what they have", ...small },
      { host: "::1", what: "what they have", ...small },
      { host: "127.0.0.1", what: "large pieces, each at 1 MiB/s", ...large },
    ])
      it.live(`pass on ${what}: each byte leaves the seeder less than ${most} times, on ${host}`, () =>
        Effect.gen(function* () {
          const folder = yield* emptyFolder;
          const payload = yield* makePayload({ folder, name: "passed on.bin", pieceLength, content });
          const tracker = yield* gatheringTracker(host);
          const name = host.includes(":") ? `[${host}]` : host;
          const seeder = yield* libtorrentSeeder(payload, {
            uploadLimit: 3 * MIB,
            trackers: [tracker.http],
            // five at once, as a seeder does that has no favourites
            settings: { listen_interfaces: `${name}:0`, unchoke_slots_limit: 5 },
          });
          yield* seeder.announced;
          const swarm = yield* Effect.forEach(
            [1, 2, 3, 4, 5],
            () =>
              Effect.gen(function* () {
                const home = yield* makeHome;
                const args = [payload.torrent, "--tracker", tracker.http, "--bind", host, "--port", "0", "--seed"];
                return { home, running: yield* btEffect(home, [...args, ...limits, "--json"]) };
              }),
            { concurrency: "unbounded" },
          );
          for (const { home, running } of swarm) {
            yield* running.prints(/"type":"complete"/);
            assertSame(payload, home.out(payload.name));
            assert.strictEqual(running.stderr(), "");
          }
          const { uploaded } = yield* seeder.report;
          assert.isBelow(uploaded / payload.size, most);
        }),
      );
  });
});
