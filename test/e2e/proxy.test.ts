import { assert, describe, it } from "@effect/vitest";
import { Effect, Exit, Scope } from "effect";
import { join } from "node:path";
import { dante } from "../support/clients/dante.ts";
import { emptyFolder } from "../support/clients/folder.ts";
import { libtorrentSeeder } from "../support/clients/libtorrent.ts";
import { libtorrentDht } from "../support/clients/libtorrentDht.ts";
import { makeLocalNetwork } from "../support/clients/namespaces.ts";
import { openTracker } from "../support/clients/opentracker.ts";
import { assertSame, makePayload } from "../support/clients/payload.ts";
import { describeClients } from "../support/clients/presence.ts";
import { start } from "../support/clients/processes.ts";
import { btEffect, eventsOfType, finished, makeHome, programPath, runProgram } from "../support/clients/program.ts";

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

/** A libtorrent that has no TCP at all. */
const utpOnly = {
  enable_outgoing_tcp: false,
  enable_incoming_tcp: false,
  enable_outgoing_utp: true,
  enable_incoming_utp: true,
};

describeClients("the program behind Dante", ["python3-libtorrent", "opentracker", "dante-server", "root"], () => {
  const payloadOf = (content: number) =>
    Effect.flatMap(emptyFolder, (folder) => makePayload({ folder, name: "relayed.bin", pieceLength: 32_768, content }));

  describe.concurrent("which relays UDP", () => {
    it.live("asks a UDP tracker by it, and fetches by uTP from whom that names", () =>
      Effect.gen(function* () {
        const payload = yield* payloadOf(3_000_001);
        const tracker = yield* openTracker([payload.infoHash]);
        const seeder = yield* libtorrentSeeder(payload, { settings: utpOnly, trackers: [tracker.udp] });
        yield* seeder.announced;
        const { run, url } = yield* dante;
        const proxy = yield* run;
        const home = yield* makeHome;
        const args = [payload.torrent, "--tracker", tracker.udp, "--proxy", url, "--json", "--timeout", "60s"];
        const { status, stderr, stdout } = yield* runProgram(home, args);
        assert.deepStrictEqual([status, stderr], [0, ""]);
        assertSame(payload, home.out(payload.name));
        assert.includeMembers(
          eventsOfType(stdout, "tracker").map(({ state }) => state),
          ["ok"],
        );
        assert.match(proxy.stderr(), /pass\(1\): udp\/udpassociate/);
      }),
    );

    it.live("finds peers in the DHT by it", () =>
      Effect.gen(function* () {
        const payload = yield* payloadOf(700_001);
        const dht = yield* libtorrentDht("127.0.0.1", payload, { seed: true });
        yield* dht.knows();
        const { run, url } = yield* dante;
        yield* run;
        const home = yield* makeHome;
        const magnet = `magnet:?xt=urn:btih:${payload.infoHash}`;
        const args = [magnet, "--dht-bootstrap", dht.router, "--proxy", url, "--json", "--timeout", "60s"];
        const { status, stderr } = yield* runProgram(home, args, { env: { BT_EFFECT_NO_DHT: "false" } });
        assert.deepStrictEqual([status, stderr], [0, ""]);
        assertSame(payload, home.out(payload.name));
      }),
    );

    it.live("and is killed, says so and goes on once it is back", () =>
      Effect.gen(function* () {
        const payload = yield* payloadOf(3_000_001);
        const seeder = yield* libtorrentSeeder(payload, { settings: utpOnly, uploadLimit: 400_000 });
        const { run, url } = yield* dante;
        const home = yield* makeHome;
        const args = [payload.torrent, "--peer", seeder.address, "--no-trackers", "--proxy", url, "--json"];
        const life = yield* Effect.flatMap(Effect.scope, Scope.fork);
        yield* Scope.provide(run, life);
        const running = yield* btEffect(home, args);
        yield* running.until(() => eventsOfType(running.stdout(), "progress").find(({ done }) => done > 500_000));
        yield* Scope.close(life, Exit.void);
        const { message } = yield* running.until(() =>
          eventsOfType(running.stdout(), "warning").find(({ code }) => code === "proxy.relay-lost"),
        );
        assert.match(message, /relays no UDP any more; UDP trackers, the DHT and uTP wait until it does/);
        yield* running.until(() =>
          eventsOfType(running.stdout(), "explain").find(({ causes: [first] }) => first?.code === "relay-lost"),
        );
        yield* run;
        assert.deepInclude(yield* finished(running), { status: 0, stderr: "" });
        assertSame(payload, home.out(payload.name));
      }),
    );
  });
});
