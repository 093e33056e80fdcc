/**
 * The network of the benchmark: two namespaces that are joined by a virtual cable, the program under measurement at its near end, everybody else at its far
 * end. So packets have the size that they have between machines, no client meets addresses of 127.0.0.0/8, which some treat as special, nothing can leave
 * the machine, and a line with delay and loss can be laid. Where no namespace can be made all of it is 127.0.0.0/8.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import type { Command } from "./programs/program.ts";

/** What joins the two ends. */
export interface Path {
  /** The near end's address. */
  readonly near: string;
  /** The far end's first address. */
  readonly far: string;
  /** The address of the nth peer, at the far end. */
  readonly peer: (nth: number) => string;
  /** The command that runs this one at the far end. */
  readonly atFarEnd: (command: Command) => Command;
}

/** Where the programs meet. */
export interface Network extends Path {
  /** What it is, in words. */
  readonly what: string;
  /** Why there are no namespaces; absent where there are. */
  readonly shared?: string;
  readonly close: () => void;
}

const variable = "BT_EFFECT_BENCH_NETWORK";
const own = "own";

const inNamespace = (...command: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...(process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"]),
  "--net",
  ...command,
];

/** 128 addresses for each value of the third number, which begins at 128. */
const peers = (prefix: string) => (nth: number) => `${prefix}.${128 + (nth >> 7)}.${1 + (nth & 127)}`;

/** Runs commands in the network namespace of a process. */
export const inNetworkOf =
  (pid: number | undefined): Path["atFarEnd"] =>
  ({ file, args }) => ({ file: "nsenter", args: [`--net=/proc/${pid}/ns/net`, file, ...args] });

/** Makes the far end, held by a process whose id is the first argument, and joins it; ends when the cable carries. */
const cable = `
set -e
far="nsenter --net=/proc/$1/ns/net"
ip link set lo up
ip link add bench type veth peer name bench netns "$1"
ip addr add 10.77.0.1/16 dev bench
$far ip addr add 10.77.0.2/16 dev bench
$far ip route add local 10.77.128.0/17 dev lo
ip link set bench up
$far ip link set bench up
until ip -o link show dev bench | grep -q "state UP"; do sleep 0.02; done
`;

const join = async (): Promise<Network> => {
  const holder = spawn("unshare", ["--net", "sh", "-c", "ip link set lo up && echo && read never"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(holder.stdout, "data");
  execFileSync("sh", ["-c", cable, "sh", String(holder.pid)]);
  return {
    near: "10.77.0.1",
    far: "10.77.0.2",
    peer: peers("10.77"),
    atFarEnd: inNetworkOf(holder.pid),
    what: "two network namespaces joined by a virtual cable",
    close: () => void holder.kill("SIGKILL"),
  };
};

const loopback = (why: string): Network => ({
  near: "127.0.0.1",
  far: "127.0.0.1",
  peer: peers("127.0"),
  atFarEnd: (command) => command,
  what: "the machine's loopback",
  shared: `no network namespace could be made: ${why}`,
  close: () => undefined,
});

/** The network of this process; for namespaces this program is run again inside, and this process ends with its status. */
export const enterNetwork = async (): Promise<Network> => {
  if (process.env[variable] === own) return join();
  const tried = spawnSync("unshare", inNamespace("unshare", "--net", "ip", "link", "set", "lo", "up"), {
    encoding: "utf8",
  });
  if (tried.status !== 0) return loopback(tried.error?.message ?? tried.stderr.trim().split("\n", 1)[0] ?? "");
  const again = spawn("unshare", inNamespace(process.execPath, ...process.execArgv, ...process.argv.slice(1)), {
    stdio: "inherit",
    env: { ...process.env, [variable]: own },
  });
  // A terminal tells both of an interrupt; who ends this process alone must end that one.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => again.kill(signal));
  const [status]: ReadonlyArray<unknown> = await once(again, "exit");
  process.exit(typeof status === "number" ? status : 1);
};
