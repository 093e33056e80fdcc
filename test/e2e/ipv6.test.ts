/** What the other tests do over IPv4, over the loopback of IPv6 alone; the DHT, uTP, local discovery and a swarm have it beside their IPv4. */
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { aria2Leecher } from "../support/clients/aria2.ts";
import { emptyFolder } from "../support/clients/folder.ts";
import { gatheringTracker } from "../support/clients/gatheringTracker.ts";
import { httpSeed } from "../support/clients/httpSeed.ts";
import { libtorrent, libtorrentSeeder } from "../support/clients/libtorrent.ts";
import { nginx } from "../support/clients/nginx.ts";
import { assertSame, makePayload, type Payload, writeFiles } from "../support/clients/payload.ts";
import { describeClients } from "../support/clients/presence.ts";
import { btEffect, eventsOfType, makeHome, runProgram } from "../support/clients/program.ts";

const makeOne = Effect.flatMap(emptyFolder, (folder) =>
  makePayload({ folder, name: "six.bin", pieceLength: 65_536, content: 3_000_001 }),
);
const LISTENING = { listen_interfaces: "[::1]:0" };
const FORCED = { ...LISTENING, in_enc_policy: 0, out_enc_policy: 0, allowed_enc_level: 2 };

/** The port of a peer's address, on the loopback of IPv6. */
const on6 = (address: string): string => `[::1]:${address.slice(address.lastIndexOf(":") + 1)}`;

const ARGS = ["--bind", "::1", "--port", "0", "--no-utp", "--json"];

/** Fetches `source` as the program is told, and compares; gives the addresses that it was connected to. */
const fetches = (payload: Payload, args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const home = yield* makeHome;
    const { status, stderr, stdout } = yield* runProgram(home, [...args, "--timeout", "30s", ...ARGS]);
    assert.strictEqual(stderr, "");
    assert.strictEqual(status, 0);
    assertSame(payload, home.out(payload.name));
    return eventsOfType(stdout, "peer")
      .filter(({ state }) => state === "connected")
      .map(({ address }) => address);
  });

/** Seeds as the program is told; gives its address. */
const seeds = (payload: Payload, args: ReadonlyArray<string> = []) =>
  Effect.gen(function* () {
    const home = yield* makeHome;
    const running = yield* btEffect(home, ["seed", payload.torrent, payload.folder, ...ARGS, ...args]);
    yield* running.until(() => eventsOfType(running.stdout(), "complete")[0]);
    const { port } = yield* running.until(() => eventsOfType(running.stdout(), "started")[0]);
    return `[::1]:${port}`;
  });

const makeOut = Effect.map(emptyFolder, (folder) => {
  const out = join(folder, "out");
  mkdirSync(out);
  return out;
});

describeClients("over IPv6 alone", ["python3-libtorrent", "aria2c", "nginx"], () => {
  describe.concurrent("the program", () => {
    for (const [what, settings, encryption] of [
      ["plain", LISTENING, "off"],
      ["encrypted", FORCED, "require"],
    ] as const) {
      it.live(`fetches from a libtorrent over TCP, ${what}`, () =>
        Effect.gen(function* () {
          const payload = yield* makeOne;
          const peer = on6((yield* libtorrentSeeder(payload, { settings })).address);
          const met = yield* fetches(payload, [payload.torrent, "--peer", peer, "--encryption", encryption]);
          assert.deepStrictEqual(met, [peer]);
        }),
      );

      it.live(`shares with a libtorrent that dials it over TCP, ${what}`, () =>
        Effect.gen(function* () {
          const payload = yield* makeOne;
          const peers = [yield* seeds(payload, ["--encryption", encryption])];
          const folder = yield* makeOut;
          const leecher = yield* libtorrent({ mode: "leech", source: payload.torrent, folder, peers, settings });
          yield* leecher.finished;
          assertSame(payload, join(folder, payload.name));
        }),
      );
    }

    for (const kind of ["http", "udp"] as const) {
      it.live(`finds a libtorrent, from a magnet link by a tracker over ${kind}`, () =>
        Effect.gen(function* () {
          const payload = yield* makeOne;
          const tracker = yield* gatheringTracker("::1");
          const seeder = yield* libtorrentSeeder(payload, { settings: LISTENING, trackers: [tracker.http] });
          yield* seeder.announced;
          const magnet = `magnet:?xt=urn:btih:${payload.infoHash}&tr=${encodeURIComponent(tracker[kind])}`;
          assert.include(yield* fetches(payload, [magnet]), on6(seeder.address));
        }),
      );

      it.live(`is found by a libtorrent by a tracker over ${kind}`, () =>
        Effect.gen(function* () {
          const payload = yield* makeOne;
          const tracker = yield* gatheringTracker("::1");
          yield* seeds(payload, ["--tracker", tracker[kind]]);
          const folder = yield* makeOut;
          const trackers = [tracker.http];
          const options = { mode: "leech", source: payload.torrent, folder, trackers, settings: LISTENING } as const;
          yield* (yield* libtorrent(options)).finished;
          assertSame(payload, join(folder, payload.name));
        }),
      );
    }

    it.live("shares with an aria2 that its tracker names", () =>
      Effect.gen(function* () {
        const tracker = yield* gatheringTracker("::1");
        const folder = yield* emptyFolder;
        const plan = { folder, name: "six.bin", pieceLength: 65_536, content: 3_000_001, trackers: [tracker.http] };
        const payload = yield* makePayload(plan);
        yield* seeds(payload);
        const out = yield* makeOut;
        const leecher = yield* aria2Leecher(payload.torrent, out, ["--disable-ipv6=false"]);
        assert.strictEqual((yield* leecher.ended).status, 0);
        assertSame(payload, join(out, payload.name));
      }),
    );

    it.live("finds the seed that a libtorrent tells of (PEX)", () =>
      Effect.gen(function* () {
        const payload = yield* makeOne;
        // dials nobody: two that hear of each other at once may drop each other for a minute
        const settings = { ...LISTENING, seeding_outgoing_connections: false };
        const seeder = yield* libtorrentSeeder(payload, { settings });
        const between = yield* libtorrent({
          mode: "leech",
          source: payload.torrent,
          folder: yield* makeOut,
          peers: [on6(seeder.address)],
          // it never has much, nor all, when it would part from the other
          downloadLimit: 20 * 1024,
          settings: LISTENING,
        });
        yield* between.begun;
        const args = [payload.torrent, "--peer", on6(between.address), "--no-trackers"];
        assert.include(yield* fetches(payload, args), on6(seeder.address));
      }),
    );

    it.live("fetches from nginx with no peer at all", () =>
      Effect.gen(function* () {
        const folder = yield* emptyFolder;
        const server = yield* nginx(folder, "::1");
        const plan = { folder, name: "web.bin", pieceLength: 65_536, content: 3_000_001 };
        const payload = yield* makePayload({ ...plan, webSeeds: [`${server.url}/`] });
        assert.deepStrictEqual(yield* fetches(payload, [payload.torrent]), []);
        assert.include(server.log(), "206 /web.bin");
      }),
    );

    it.live("fetches from a web seed of BEP 17 with no peer at all", () =>
      Effect.gen(function* () {
        const plan = { folder: yield* emptyFolder, name: "web.bin", pieceLength: 65_536, content: 3_000_001 };
        writeFiles(plan);
        const seed = yield* httpSeed(readFileSync(join(plan.folder, plan.name)), plan.pieceLength, "::1");
        const payload = yield* makePayload({ ...plan, httpSeeds: [seed.url] });
        assert.deepStrictEqual(yield* fetches(payload, [payload.torrent]), []);
        assert.isNotEmpty(seed.asked);
      }),
    );
  });
});
