import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { emptyFolder } from "../support/clients/folder.ts";
import { libtorrent } from "../support/clients/libtorrent.ts";
import { assertSame, makePayload } from "../support/clients/payload.ts";
import { describeClients } from "../support/clients/presence.ts";
import { btEffect, eventsOfType, makeHome, runProgram } from "../support/clients/program.ts";

/** A libtorrent that has no TCP at all, listening on one address. */
const utpOnly = (host: string) => ({
  listen_interfaces: `${host}:0`,
  enable_outgoing_tcp: false,
  enable_incoming_tcp: false,
  enable_outgoing_utp: true,
  enable_incoming_utp: true,
});

const payloadOf = Effect.flatMap(emptyFolder, (folder) =>
  makePayload({ folder, name: "datagrams.bin", pieceLength: 65_536, content: 12_000_001 }),
);

/** The port of a peer's address. */
const portOf = (address: string): string => address.slice(address.lastIndexOf(":") + 1);

describeClients("uTP with a libtorrent that knows nothing else", ["python3-libtorrent"], () => {
  for (const [bind, host] of [
    ["127.0.0.1", "127.0.0.1"],
    ["::1", "[::1]"],
  ] as const)
    describe.concurrent(`on ${bind}`, () => {
      it.live("fetches, by the second way as soon as the first was hung up", () =>
        Effect.gen(function* () {
          const payload = yield* payloadOf;
          const { torrent: source, folder } = payload;
          const seeder = yield* libtorrent({ mode: "seed", source, folder, settings: utpOnly(host) });
          const home = yield* makeHome;
          const peer = `${host}:${portOf(seeder.address)}`;
          const args = [payload.torrent, "--peer", peer, "--bind", bind, "--port", "0", "--timeout", "40s", "--json"];
          const { status, stderr, stdout } = yield* runProgram(home, args);
          assert.strictEqual(stderr, "");
          assert.strictEqual(status, 0);
          const states = eventsOfType(stdout, "peer").map(({ state }) => state);
          // Whether the peer hangs up before we have ended is its own affair.
          assert.deepStrictEqual(
            states.filter((state) => state !== "disconnected"),
            ["connected"],
            stdout,
          );
          assertSame(payload, home.out(payload.name));
        }),
      );

      it.live("shares on the number of its TCP port", () =>
        Effect.gen(function* () {
          const payload = yield* payloadOf;
          const home = yield* makeHome;
          cpSync(join(payload.folder, payload.name), home.out(payload.name));
          const args = ["seed", payload.torrent, home.out(payload.name), "--bind", bind, "--port", "0", "--json"];
          const running = yield* btEffect(home, args);
          const port = yield* running.until(() => eventsOfType(running.stdout(), "started")[0]?.port);
          const folder = join(yield* emptyFolder, "out");
          mkdirSync(folder);
          const leecher = yield* libtorrent({
            mode: "leech",
            source: payload.torrent,
            folder,
            peers: [`${host}:${port}`],
            settings: utpOnly(host),
          });
          yield* leecher.finished;
          assertSame(payload, join(folder, payload.name));
        }),
      );
    });

  it.live("is left alone with --no-utp", () =>
    Effect.gen(function* () {
      const payload = yield* payloadOf;
      const { torrent: source, folder } = payload;
      const seeder = yield* libtorrent({ mode: "seed", source, folder, settings: utpOnly("127.0.0.1") });
      const args = [payload.torrent, "--peer", seeder.address, "--no-utp", "--port", "0", "--json"];
      const running = yield* btEffect(yield* makeHome, args);
      const { state } = yield* running.until(() => eventsOfType(running.stdout(), "peer")[0]);
      assert.strictEqual(state, "failed");
    }),
  );
});
