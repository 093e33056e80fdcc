/**
 * Whether the real clients are installed. Tests that need one which is not are skipped with a printed reason; with
 * `BT_EFFECT_REQUIRE=clients` its absence is a failure.
 */
import { describe, it } from "@effect/vitest";
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const required = (process.env.BT_EFFECT_REQUIRE ?? "").split(",").includes("clients");

const bench = join(import.meta.dirname, "../../../bench/clients");

/** What the tests run beside the program, and how its presence shows. */
const probes = {
  aria2c: ["aria2c", "--version"],
  "transmission-daemon": ["transmission-daemon", "--version"],
  mktorrent: ["mktorrent", "-h"],
  // Runs a program on a terminal.
  script: ["script", "--version"],
  "transmission-create": ["transmission-create", "--version"],
  // Debian's own Python: the one that python3-libtorrent is for.
  "python3-libtorrent": ["/usr/bin/python3", "-c", "import libtorrent"],
  nginx: ["/usr/sbin/nginx", "-v"],
  faketime: ["faketime", "--version"],
  "dante-server": ["/usr/sbin/danted", "-v"],
  opentracker: ["/usr/bin/opentracker", "-h"],
  // Shared with the benchmark, which installs it the same way.
  webtorrent: ["sh", "-c", `test -e ${bench}/node_modules/webtorrent || npm ci --ignore-scripts --prefix ${bench}`],
  // What NAT needs: the tool, and a kernel that does as it is told.
  nftables: ["unshare", "--net", "nft", "add table ip t; add chain ip t c { type nat hook postrouting priority 100; }"],
  miniupnpd: ["miniupnpd", "--version"],
  // To mount small disks and to become somebody who may do nothing.
  root: ["sh", "-c", 'test "$(id -u)" = 0'],
} satisfies Readonly<Record<string, readonly [string, ...Array<string>]>>;

/** Something that has to be there for a test. */
export type Need = keyof typeof probes;

const isPresent = (need: Need): boolean => {
  const [file, ...args] = probes[need];
  const { error, status } = spawnSync(file, args, { stdio: "ignore" });
  // opentracker has no option that succeeds: that it starts says enough.
  return error === undefined && (status === 0 || need === "opentracker");
};

/** `describe` for tests that need real clients; where one is missing the block is skipped with its reason, or fails. */
export const describeClients = (name: string, needs: ReadonlyArray<Need>, body: () => void): void => {
  const missing = needs.filter((need) => !isPresent(need));
  if (missing.length === 0) {
    describe(name, body);
    return;
  }
  const reason = `not here: ${missing.join(", ")}`;
  describe(name, () => {
    it("has its clients", (context) => {
      if (required) throw new Error(reason);
      console.warn(`skipped: ${name}: ${reason}`);
      context.skip(reason);
    });
  });
};
