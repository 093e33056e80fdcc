import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { emptyFolder } from "../support/clients/folder.ts";
import { libtorrent, libtorrentSeeder } from "../support/clients/libtorrent.ts";
import { assertSame, makePayload, type Payload } from "../support/clients/payload.ts";
import { describeClients } from "../support/clients/presence.ts";
import { start } from "../support/clients/processes.ts";
import { btEffect, eventsOfType, finished, makeHome, programPath, runProgram } from "../support/clients/program.ts";

const KIB = 1024;

const payloadOf = (length: number) =>
  Effect.flatMap(emptyFolder, (folder) =>
    makePayload({ folder, name: "found.bin", pieceLength: 65_536, content: length }),
  );

/** A libtorrent that has nothing yet. */
const leecher = (payload: Payload, options: Omit<Parameters<typeof libtorrent>[0], "mode" | "source" | "folder">) =>
  Effect.gen(function* () {
    const folder = join(yield* emptyFolder, "out");
    mkdirSync(folder);
    return yield* libtorrent({ mode: "leech", source: payload.torrent, folder, ...options });
  });

/** A seed that dials nobody: it is told of the leecher too, and two that dial each other at once may drop each other for a minute. */
const passive = { seeding_outgoing_connections: false };

describeClients("peer exchange with libtorrent", ["python3-libtorrent"], () => {
  describe.concurrent("through the one that knows both", () => {
    it.live("finds the seed that a libtorrent tells of", () =>
      Effect.gen(function* () {
        const payload = yield* payloadOf(2_000_001);
        const seeder = yield* libtorrentSeeder(payload, { uploadLimit: 300 * KIB, settings: passive });
        // It gives next to nothing itself.
        const between = yield* leecher(payload, { peers: [seeder.address], uploadLimit: KIB });
        const home = yield* makeHome;
        const args = [
          payload.torrent,
          "--peer",
          between.address,
          "--no-trackers",
          "--port",
          "0",
          "--timeout",
          "25s",
          "--json",
        ];
        const { status, stderr, stdout } = yield* runProgram(home, args);
        assert.strictEqual(stderr, "");
        assert.strictEqual(status, 0);
        assertSame(payload, home.out(payload.name));
        const connected = eventsOfType(stdout, "peer").filter(({ state }) => state === "connected");
        assert.include(
          connected.map(({ address }) => address),
          seeder.address,
        );
      }),
    );

    it.live("tells a libtorrent of the seed", () =>
      Effect.gen(function* () {
        const payload = yield* payloadOf(3_000_001);
        const seeder = yield* libtorrentSeeder(payload, { settings: passive });
        const home = yield* makeHome;
        const args = [
          payload.torrent,
          "--peer",
          seeder.address,
          "--no-trackers",
          "--port",
          "0",
          "--download-limit",
          "20K",
        ];
        const between = yield* btEffect(home, [...args, "--json"]);
        const port = yield* between.until(() => eventsOfType(between.stdout(), "started")[0]?.port);
        yield* between.until(() => eventsOfType(between.stdout(), "peer").find(({ state }) => state === "connected"));
        const { finished } = yield* leecher(payload, { peers: [`127.0.0.1:${port}`] });
        yield* finished;
      }),
    );
  });
});

/** A network of its own with one cable, whose both ends are here: nothing that is sent to it leaves the machine. Words to run a command there. */
const makeNetwork = Effect.gen(function* () {
  const holder = yield* start("unshare", ["--net", "sh", "-c", "echo up; exec sleep 600"]);
  yield* holder.prints(/up/);
  const enter = ["--target", String(holder.pid), "--net"];
  const plug = `
    ip link set lo up
    ip link add here type veth peer name there
    ip address add 10.9.0.1/24 dev here
    ip address add fd09::1/64 dev here nodad
    ip link set here up
    ip link set there up
  `;
  const plugged = yield* start("nsenter", [...enter, "sh", "-ec", plug]);
  assert.deepInclude(yield* plugged.ended, { status: 0 });
  return ["nsenter", ...enter];
});

describeClients("local discovery with libtorrent", ["python3-libtorrent", "root"], () => {
  for (const [family, host] of [
    ["IPv4", "10.9.0.1"],
    ["IPv6", "[fd09::1]"],
  ] as const)
    it.live(`finds a libtorrent that nobody named, and is found, over ${family}`, () =>
      Effect.gen(function* () {
        const via = yield* makeNetwork;
        const settings = { listen_interfaces: `${host}:0`, enable_lsd: true };
        const payload = yield* payloadOf(1_000_001);
        yield* libtorrentSeeder(payload, { settings, via });
        const home = yield* makeHome;
        const [nsenter = "", ...words] = via;
        const args = [
          process.execPath,
          programPath(),
          payload.torrent,
          "--no-trackers",
          "--port",
          "0",
          "--timeout",
          "25s",
        ];
        const running = yield* start(nsenter, [...words, ...args, "--json"], {
          cwd: home.folder,
          env: { ...home.env, BT_EFFECT_NO_LSD: "false" },
        });
        const { status, stderr, stdout } = yield* finished(running);
        assert.strictEqual(stderr, "");
        assert.strictEqual(status, 0);
        assertSame(payload, home.out(payload.name));
        const connected = eventsOfType(stdout, "peer").find(({ state }) => state === "connected");
        assert.isTrue(connected?.address.startsWith(`${host}:`));
      }),
    );
});
