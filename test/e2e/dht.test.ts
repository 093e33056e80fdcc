import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { emptyFolder } from "../support/clients/folder.ts";
import { libtorrentDht } from "../support/clients/libtorrentDht.ts";
import { assertSame, makePayload } from "../support/clients/payload.ts";
import { describeClients } from "../support/clients/presence.ts";
import { btEffect, eventsOfType, makeHome, runProgram } from "../support/clients/program.ts";

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
