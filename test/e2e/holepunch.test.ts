import { assert, it } from "@effect/vitest";
import { Effect } from "effect";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { emptyFolder } from "../support/clients/folder.ts";
import { assertSame, makePayload } from "../support/clients/payload.ts";
import { describeClients } from "../support/clients/presence.ts";
import { start } from "../support/clients/processes.ts";
import { eventsOfType, makeHome, programPath } from "../support/clients/program.ts";

/** A network namespace as long as the test; nothing that is sent in it leaves the machine. */
const makeNamespace = Effect.gen(function* () {
  const holder = yield* start("unshare", ["--net", "sh", "-c", "echo up; exec sleep 600"]);
  yield* holder.prints(/up/);
  const enter = ["--target", String(holder.pid), "--net"];
  const run = (script: string) =>
    Effect.gen(function* () {
      const running = yield* start("nsenter", [...enter, "sh", "-ec", script]);
      assert.deepInclude(yield* running.ended, { status: 0 }, `${script}: ${running.stderr()}`);
    });
  return { pid: holder.pid, enter, run };
});

/** A house behind a NAT box: port-preserving, and nothing comes in that was not asked for. */
const makeHouse = (hub: Effect.Success<typeof makeNamespace>, wire: string, subnet: string) =>
  Effect.gen(function* () {
    const box = yield* makeNamespace;
    const house = yield* makeNamespace;
    yield* hub.run(`
      ip link add ${wire} type veth peer name wan netns ${box.pid}
      ip address add ${subnet}.1/24 dev ${wire}
      ip link set ${wire} up
    `);
    yield* box.run(`
      ip link add lan type veth peer name eth netns ${house.pid}
      ip address add ${subnet}.2/24 dev wan
      ip address add 192.168.1.1/24 dev lan
      ip link set wan up
      ip link set lan up
      ip route add default via ${subnet}.1
      echo 1 > /proc/sys/net/ipv4/ip_forward
      nft '
        table ip box {
          chain out { type nat hook postrouting priority 100; oifname "wan" masquerade; }
          chain through {
            type filter hook forward priority 0; policy drop;
            iifname "lan" accept
            ct state established,related accept
          }
          chain in { type filter hook input priority 0; policy drop; iifname "lan" accept; }
        }'
    `);
    yield* house.run(`
      ip link set lo up
      ip address add 192.168.1.2/24 dev eth
      ip link set eth up
      ip route add default via 192.168.1.1
    `);
    return house;
  });

describeClients("two programs behind NAT boxes", ["root", "nftables"], () => {
  it.live("get through to each other by a third that has next to nothing to give", () =>
    Effect.gen(function* () {
      const hub = yield* makeNamespace;
      yield* hub.run("ip link set lo up; echo 1 > /proc/sys/net/ipv4/ip_forward");
      const first = yield* makeHouse(hub, "one", "203.0.113");
      const second = yield* makeHouse(hub, "two", "198.51.100");
      const payload = yield* makePayload({
        folder: yield* emptyFolder,
        name: "through.bin",
        pieceLength: 65_536,
        content: 2_000_001,
      });
      const run = (namespace: typeof hub, args: ReadonlyArray<string>) =>
        Effect.gen(function* () {
          const home = yield* makeHome;
          const words = [...namespace.enter, process.execPath, programPath(), ...args, "--no-trackers", "--json"];
          return { home, running: yield* start("nsenter", words, { cwd: home.folder, env: home.env }) };
        });

      const shared = join(yield* emptyFolder, payload.name);
      cpSync(join(payload.folder, payload.name), shared);
      const relay = yield* run(hub, [
        payload.torrent,
        "--peer",
        "203.0.113.9:9",
        "--port",
        "6881",
        "--download-limit",
        "5K",
        "--upload-limit",
        "5K",
      ]);
      yield* relay.running.until(() => eventsOfType(relay.running.stdout(), "started")[0]);
      yield* run(first, ["seed", payload.torrent, shared, "--peer", "203.0.113.1:6881", "--port", "6882"]);
      yield* relay.running.until(() =>
        eventsOfType(relay.running.stdout(), "peer").find(({ state }) => state === "connected"),
      );
      const leech = yield* run(second, [payload.torrent, "--peer", "198.51.100.1:6881", "--port", "6883"]);
      const { status } = yield* leech.running.ended;
      assert.strictEqual(status, 0);
      assertSame(payload, leech.home.out(payload.name));
      const met = eventsOfType(leech.running.stdout(), "peer").filter(({ state }) => state === "connected");
      assert.include(
        met.map(({ address }) => address),
        "203.0.113.2:6882",
      );
    }),
  );
});
