import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { emptyFolder } from "../support/clients/folder.ts";
import { libtorrent, libtorrentSeeder } from "../support/clients/libtorrent.ts";
import { makeLocalNetwork } from "../support/clients/namespaces.ts";
import { assertSame, makePayload, type Payload } from "../support/clients/payload.ts";
import { describeClients } from "../support/clients/presence.ts";
import { type Running, start } from "../support/clients/processes.ts";
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
        const seeder = yield* libtorrentSeeder(payload, { settings: passive });
        // It never has much, nor all, when it would part from the other.
        const between = yield* leecher(payload, { peers: [seeder.address], downloadLimit: 20 * KIB });
        yield* between.begun;
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

describeClients("local discovery with libtorrent", ["python3-libtorrent", "root"], () => {
  for (const [family, hostOf] of [
    ["IPv4", (cable: number) => `10.9.${cable}.2`],
    ["IPv6", (cable: number) => `[fd09:${cable}::2]`],
  ] as const)
    describe.concurrent(`over ${family}`, () => {
      /** A payload, and the program on one of several machines, which knows of nobody; libtorrents are to run on the others. */
      const makeWorld = (cables: number) =>
        Effect.gen(function* () {
          const { own, others } = yield* makeLocalNetwork(cables);
          const payload = yield* payloadOf(1_000_001);
          const home = yield* makeHome;
          const run = (args: ReadonlyArray<string>) => {
            const [file, ...words] = own.enter;
            const all = [...args, "--no-trackers", "--no-pex", "--port", "0", "--json"];
            return start(file, [...words, process.execPath, programPath(), ...all], {
              cwd: home.folder,
              env: { ...home.env, BT_EFFECT_NO_LSD: "false" },
            });
          };
          const options = others.map(({ enter }, n) => ({
            via: enter,
            settings: { ...passive, listen_interfaces: `${hostOf(n + 1)}:0`, enable_lsd: true },
          }));
          return { payload, home, run, options };
        });
      const metOf = (running: Running) =>
        eventsOfType(running.stdout(), "peer")
          .filter(({ state }) => state === "connected")
          .map(({ address, direction }) => ({ direction, host: address.slice(0, address.lastIndexOf(":")) }));

      it.live("finds a libtorrent that came later, dials nobody and was named by nobody", () =>
        Effect.gen(function* () {
          const { home, options, payload, run } = yield* makeWorld(1);
          const running = yield* run([payload.torrent, "--timeout", "25s"]);
          yield* running.until(() => eventsOfType(running.stdout(), "started")[0]);
          yield* libtorrentSeeder(payload, options[0]);
          const { status, stderr } = yield* finished(running);
          assert.strictEqual(stderr, "");
          assert.strictEqual(status, 0);
          assertSame(payload, home.out(payload.name));
          assert.deepStrictEqual(metOf(running), [{ direction: "outgoing", host: hostOf(1) }]);
        }),
      );

      it.live("is found through each of its interfaces by libtorrents that were there before", () =>
        Effect.gen(function* () {
          const { options, payload, run } = yield* makeWorld(2);
          const others = yield* Effect.forEach(options, (one) => leecher(payload, one));
          const running = yield* run(["seed", payload.torrent, payload.folder]);
          for (const { finished } of others) yield* finished;
          const came = metOf(running).filter(({ direction }) => direction === "incoming");
          assert.sameMembers([...new Set(came.map(({ host }) => host))], [hostOf(1), hostOf(2)]);
        }),
      );
    });
});
