/** Networks of their own on this machine (Linux, root): nothing that is sent in one leaves it but through the cables that a test lays. */
import { assert } from "@effect/vitest";
import { Effect, type Scope } from "effect";
import { start } from "./processes.ts";

/** A network namespace. */
export interface Namespace {
  /** The process that holds it open. */
  readonly pid: number;
  /** Words that run a command in it: the program and its first arguments. */
  readonly enter: readonly [string, ...Array<string>];
  /** Runs a script of shell in it; gives what it printed. */
  readonly run: (script: string) => Effect.Effect<string>;
}

/** A namespace with nothing but its loopback, as long as the scope. */
export const makeNamespace: Effect.Effect<Namespace, never, Scope.Scope> = Effect.gen(function* () {
  const holder = yield* start("unshare", ["--net", "sh", "-c", "ip link set lo up; echo up; exec sleep 600"]);
  yield* holder.prints(/up/);
  const words = ["--target", String(holder.pid), "--net"];
  const run = (script: string) =>
    Effect.gen(function* () {
      const running = yield* start("nsenter", [...words, "sh", "-ec", script]);
      const { status } = yield* running.ended;
      assert.strictEqual(status, 0, `${script}: ${running.stderr()}`);
      return running.stdout();
    }).pipe(Effect.scoped);
  return { pid: holder.pid, enter: ["nsenter", ...words], run };
});

/** A machine, and so many others at the other ends of its cables: 10.9.<n>.1 and fd09:<n>::1, to 10.9.<n>.2 and fd09:<n>::2, from n = 1 on. */
export const makeLocalNetwork = (
  cables: number,
): Effect.Effect<{ readonly own: Namespace; readonly others: ReadonlyArray<Namespace> }, never, Scope.Scope> =>
  Effect.gen(function* () {
    const own = yield* makeNamespace;
    const others = yield* Effect.forEach(Array.from({ length: cables }), (_, at) =>
      Effect.gen(function* () {
        const n = at + 1;
        const other = yield* makeNamespace;
        yield* own.run(`ip link add cable${n} type veth peer name cable${n} netns ${other.pid}`);
        for (const [end, { run }] of [own, other].entries())
          yield* run(`
            ip address add 10.9.${n}.${end + 1}/24 dev cable${n}
            ip address add fd09:${n}::${end + 1}/64 dev cable${n} nodad
            ip link set cable${n} up
          `);
        return other;
      }),
    );
    // Multicast of IPv6 goes nowhere before the machines are sure of their addresses, which takes two seconds.
    for (const { run } of [own, ...others])
      yield* run("while ip -6 address show tentative | grep -q .; do sleep 0.1; done");
    return { own, others };
  });

/** Others can be reached from here: a router of the internet. */
export const makeHub: Effect.Effect<Namespace, never, Scope.Scope> = Effect.tap(makeNamespace, ({ run }) =>
  run("echo 1 > /proc/sys/net/ipv4/ip_forward"),
);

/** A house of 192.168.1.2 behind its NAT box at 192.168.1.1. */
export interface House {
  readonly house: Namespace;
  readonly box: Namespace;
}

/**
 * A house behind a NAT box, by a wire named `wire` to a hub that is `subnet`.1; the box is `subnet`.2. The box keeps ports, and lets nothing in that was
 * not asked for, unless somebody maps a port.
 */
export const makeHouse = (hub: Namespace, wire: string, subnet: string): Effect.Effect<House, never, Scope.Scope> =>
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
            ct status dnat accept
          }
          chain in { type filter hook input priority 0; policy drop; iifname { "lan", "lo" } accept; }
        }'
    `);
    yield* house.run(`
      ip address add 192.168.1.2/24 dev eth
      ip link set eth up
      ip route add default via 192.168.1.1
    `);
    return { house, box };
  });
