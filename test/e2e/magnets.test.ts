import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { emptyFolder } from "../support/clients/folder.ts";
import { libtorrent, libtorrentSeeder } from "../support/clients/libtorrent.ts";
import { openTracker } from "../support/clients/opentracker.ts";
import { assertSame, makePayload, type Payload } from "../support/clients/payload.ts";
import { describeClients } from "../support/clients/presence.ts";
import { eventsOfType, makeHome, runProgram } from "../support/clients/program.ts";
import { transmissionSeeder } from "../support/clients/transmission.ts";

/** Enough files for metadata of several pieces (BEP 9). */
const content = Object.fromEntries(
  Array.from({ length: 1_000 }, (_, index) => [`${index % 10}/file number ${index}`, 900]),
);

const makeMany = Effect.flatMap(emptyFolder, (folder) =>
  makePayload({ folder, name: "many files", pieceLength: 16_384, content }),
);

const makeOne = Effect.flatMap(emptyFolder, (folder) =>
  makePayload({ folder, name: "one.bin", pieceLength: 32_768, content: 700_001 }),
);

/** Fetches `source` into a folder and compares. */
const fetches = (payload: Payload, source: string) =>
  Effect.gen(function* () {
    const home = yield* makeHome;
    const { status, stderr, stdout } = yield* runProgram(home, [source, "--port", "0", "--json"]);
    assert.strictEqual(stderr, "");
    assert.strictEqual(status, 0);
    assertSame(payload, home.out(payload.name));
    assert.strictEqual(eventsOfType(stdout, "metadata")[0]?.name, payload.name);
    return stdout;
  });

describeClients("magnet links", ["transmission-daemon", "python3-libtorrent"], () => {
  describe.concurrent("with the address of a peer (x.pe)", () => {
    it.live("are fetched from transmission", () =>
      Effect.gen(function* () {
        const payload = yield* makeMany;
        const { address } = yield* transmissionSeeder(payload);
        yield* fetches(payload, `magnet:?xt=urn:btih:${payload.infoHash}&x.pe=${address}`);
      }),
    );

    it.live("are fetched from libtorrent", () =>
      Effect.gen(function* () {
        const payload = yield* makeMany;
        const { address } = yield* libtorrentSeeder(payload);
        yield* fetches(payload, `magnet:?xt=urn:btih:${payload.infoHash}&dn=other&x.pe=${address}`);
      }),
    );
  });
});

describeClients("peers of opentracker", ["opentracker", "python3-libtorrent"], () => {
  for (const kind of ["http", "udp"] as const) {
    /** A tracker that knows a seeder. */
    const swarmOf = (payload: Payload) =>
      Effect.gen(function* () {
        const tracker = yield* openTracker([payload.infoHash]);
        const seeder = yield* libtorrent({
          mode: "seed",
          source: payload.torrent,
          folder: payload.folder,
          trackers: [tracker[kind]],
        });
        yield* seeder.announced;
        return tracker[kind];
      });

    it.live(`are found over ${kind} for a torrent`, () =>
      Effect.gen(function* () {
        const payload = yield* makeOne;
        const url = yield* swarmOf(payload);
        const home = yield* makeHome;
        const args = [payload.torrent, "--tracker", url, "--port", "0", "--json"];
        const { status, stdout } = yield* runProgram(home, args);
        assert.strictEqual(status, 0);
        assertSame(payload, home.out(payload.name));
        const answers = eventsOfType(stdout, "tracker").filter(({ state }) => state === "ok");
        assert.deepStrictEqual([...new Set(answers.map(({ url }) => url))], [url]);
      }),
    );

    it.live(`are found over ${kind} for a magnet link`, () =>
      Effect.gen(function* () {
        const payload = yield* makeOne;
        const url = yield* swarmOf(payload);
        yield* fetches(payload, `magnet:?xt=urn:btih:${payload.infoHash}&tr=${encodeURIComponent(url)}`);
      }),
    );
  }

  it.live("are none where it refuses the torrent, and its words are shown", () =>
    Effect.gen(function* () {
      const payload = yield* makeOne;
      const tracker = yield* openTracker([]);
      const home = yield* makeHome;
      const args = [payload.torrent, "--tracker", tracker.http, "--port", "0", "--timeout", "2s"];
      const { status, stderr } = yield* runProgram(home, args);
      assert.strictEqual(status, 5);
      assert.include(stderr, "Requested download is not authorized for use with this tracker.");
    }),
  );
});
