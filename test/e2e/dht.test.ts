import { assert, describe, it } from "@effect/vitest";
import { Effect, Option } from "effect";
import { fromBytes } from "../../src/schema/infoHash.ts";
import { emptyFolder } from "../support/clients/folder.ts";
import { libtorrentSeeder } from "../support/clients/libtorrent.ts";
import { libtorrentDht } from "../support/clients/libtorrentDht.ts";
import { assertSame, makePayload } from "../support/clients/payload.ts";
import { describeClients } from "../support/clients/presence.ts";
import { btEffect, eventsOfType, makeHome, runProgram } from "../support/clients/program.ts";
import { makeLiveDht } from "../support/liveDht.ts";

const env = { BT_EFFECT_NO_DHT: "false" };

const makeOne = Effect.flatMap(emptyFolder, (folder) =>
  makePayload({ folder, name: "one.bin", pieceLength: 32_768, content: 700_001 }),
);

describeClients("a DHT of libtorrent nodes", ["python3-libtorrent"], () => {
  describe.concurrent("on loopback", () => {
    for (const host of ["127.0.0.1", "[::1]"] as const) {
      it.live(`leads from a bare magnet to a seeder on ${host}`, () =>
        Effect.gen(function* () {
          const payload = yield* makeOne;
          const dht = yield* libtorrentDht(host, payload, { seed: true });
          yield* dht.knows();
          const home = yield* makeHome;
          const magnet = `magnet:?xt=urn:btih:${payload.infoHash}`;
          const args = [magnet, "--port", "0", "--dht-bootstrap", dht.router, "--timeout", "60s", "--json"];
          const { status, stderr, stdout } = yield* runProgram(home, args, { env });
          assert.strictEqual(stderr, "");
          assert.strictEqual(status, 0);
          assertSame(payload, home.out(payload.name));
          assert.deepStrictEqual(eventsOfType(stdout, "tracker"), []);
          // what it learnt of the DHT lets the next run join though the node that is named is gone
          const gone = ["again.bin", "--port", "0", "--dht-bootstrap", "127.0.0.1:1", "--timeout", "60s"];
          const again = yield* runProgram(home, [magnet, ...gone], { env });
          assert.strictEqual(again.status, 0);
        }),
      );

      it.live(`leads others to us on ${host}`, () =>
        Effect.gen(function* () {
          const payload = yield* makeOne;
          const dht = yield* libtorrentDht(host, payload, { seed: false });
          const home = yield* makeHome;
          const args = [
            "seed",
            payload.torrent,
            payload.folder,
            "--port",
            "0",
            "--dht-bootstrap",
            dht.router,
            "--json",
          ];
          const running = yield* btEffect(home, args, { env });
          const [, port] = yield* running.prints(/"port":(\d+)/);
          yield* dht.knows(Number(port));
        }),
      );
    }
  });
});

describeClients("a DHT of 20 nodes of ours", ["python3-libtorrent"], () => {
  describe.concurrent("on loopback", () => {
    for (const [host, name] of [
      ["127.0.0.1", "127.0.0.1"],
      ["::1", "[::1]"],
    ] as const)
      it.live(`leads from a bare magnet to a seeder on ${host}`, () =>
        Effect.gen(function* () {
          const payload = yield* makeOne;
          const seeder = yield* libtorrentSeeder(payload, { settings: { listen_interfaces: `${name}:0` } });
          const port = Number(seeder.address.slice(seeder.address.lastIndexOf(":") + 1));
          const { announce, router } = yield* makeLiveDht(host);
          yield* announce(Option.getOrThrow(fromBytes(Buffer.from(payload.infoHash, "hex"))), { port, seed: true });
          const home = yield* makeHome;
          const magnet = `magnet:?xt=urn:btih:${payload.infoHash}`;
          const args = [magnet, "--port", "0", "--dht-bootstrap", `${name}:${router}`, "--timeout", "60s", "--json"];
          const { status, stderr, stdout } = yield* runProgram(home, args, { env });
          assert.strictEqual(stderr, "");
          assert.strictEqual(status, 0);
          assertSame(payload, home.out(payload.name));
          assert.deepStrictEqual(eventsOfType(stdout, "tracker"), []);
        }),
      );
  });
});
