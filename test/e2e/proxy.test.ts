import { assert, it } from "@effect/vitest";
import { Effect } from "effect";
import { join } from "node:path";
import { emptyFolder } from "../support/clients/folder.ts";
import { libtorrentSeeder } from "../support/clients/libtorrent.ts";
import { makeLocalNetwork } from "../support/clients/namespaces.ts";
import { assertSame, makePayload } from "../support/clients/payload.ts";
import { describeClients } from "../support/clients/presence.ts";
import { start } from "../support/clients/processes.ts";
import { eventsOfType, makeHome, programPath } from "../support/clients/program.ts";

const THEIRS = "10.9.1.2";

describeClients("the program behind a SOCKS5 proxy", ["python3-libtorrent", "root", "nftables"], () => {
  it.live("fetches through it, and sends not one packet round it though everything is on", () =>
    Effect.gen(function* () {
      const {
        own,
        others: [theirs],
      } = yield* makeLocalNetwork(1);
      if (theirs === undefined) return assert.fail("nobody at the other end");
      const [file, ...words] = theirs.enter;
      const script = join(import.meta.dirname, "../support/clients/socks_proxy.py");
      const proxy = yield* start(file, [...words, "/usr/bin/python3", script, THEIRS]);
      const [, port] = yield* proxy.prints(/"port": (\d+)/);
      const payload = yield* makePayload({
        folder: yield* emptyFolder,
        name: "hidden.bin",
        pieceLength: 32_768,
        content: 900_001,
        // names that nobody must look up here, and a tracker that cannot be asked through this proxy
        trackers: ["http://tracker.test/announce", `udp://${THEIRS}:6969/announce`],
        webSeeds: ["http://seed.test/hidden.bin"],
      });
      const settings = { listen_interfaces: `${THEIRS}:0` };
      const seeder = yield* libtorrentSeeder(payload, { settings, via: theirs.enter });
      // The kernel speaks ICMP by itself; what the program sends is UDP or TCP.
      yield* own.run(`nft '
        table inet watch {
          chain out {
            type filter hook output priority 0;
            ip daddr ${THEIRS} tcp dport ${port} accept
            meta l4proto { tcp, udp } counter drop
          }
        }'`);
      const home = yield* makeHome;
      const peer = `${THEIRS}:${seeder.address.split(":")[1]}`;
      const [enter, ...more] = own.enter;
      const args = [payload.torrent, "--peer", peer, "--proxy", `socks5://${THEIRS}:${port}`];
      const running = yield* start(enter, [...more, process.execPath, programPath(), ...args, "--json"], {
        cwd: home.folder,
        env: {
          ...home.env,
          BT_EFFECT_NO_DHT: "false",
          BT_EFFECT_NO_LSD: "false",
          BT_EFFECT_NO_PORT_MAPPING: "false",
        },
      });
      const { status } = yield* running.ended;
      assert.strictEqual(status, 0, running.stderr());
      assertSame(payload, home.out(payload.name));
      assert.isNotEmpty(eventsOfType(running.stdout(), "peer").filter(({ state }) => state === "connected"));
      assert.match(proxy.stdout(), /"host": "tracker\.test"/);
      const roundIt = own.run("nft list chain inet watch out");
      assert.match(yield* roundIt, /counter packets 0 bytes 0 drop/);
      // and would have been seen
      yield* own.run(`bash -c 'echo x > /dev/udp/${THEIRS}/9' || true`);
      assert.match(yield* roundIt, /counter packets 1 /);
    }),
  );
});
