/** The programs that are compared, and how each is started so that it ends when the download is complete. Nothing leaves the machine. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "./measure.ts";

const here = import.meta.dirname;

/** One download to be done. */
export interface Job {
  /** Path of a .torrent file, or a magnet link. */
  readonly source: string;
  /** Folder that takes the output, under the payload's name. */
  readonly folder: string;
  readonly fileName: string;
  /** An empty folder to live in: home, state. */
  readonly home: string;
}

/** A program under measurement. */
export interface Client {
  readonly name: string;
  /** Its version; fails with a sentence when it cannot be run here. */
  readonly version: () => string;
  readonly command: (job: Job) => Command;
  /** Shares what is in the folder on a port of 127.0.0.1 until it is killed; absent where nobody compares that. */
  readonly seed?: (job: Job & { readonly port: number }) => Command;
  readonly magnets: boolean;
}

const firstLine = (file: string, ...args: ReadonlyArray<string>): string =>
  execFileSync(file, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).split("\n", 1)[0] ?? "";

/** What keeps bt-effect on this machine, also for a magnet link, of which nobody knows yet that it is private. */
export const quietEnvironment: Readonly<Record<string, string>> = {
  BT_EFFECT_NO_DHT: "true",
  BT_EFFECT_NO_LSD: "true",
  BT_EFFECT_NO_PORT_MAPPING: "true",
  BT_EFFECT_NO_UTP: "true",
};

/** The built program. */
export const program = join(here, "../dist/main.js");

const btEffect: Client = {
  name: "bt-effect",
  magnets: true,
  version: () => {
    if (!existsSync(program)) throw new Error("dist/main.js is not there: npm run build");
    return firstLine(process.execPath, program, "--version");
  },
  command: ({ source, folder, fileName, home }) => ({
    file: process.execPath,
    args: [program, source, join(folder, fileName)],
    // The compile cache stays, as it does for a user. No client here uses the DHT.
    env: { XDG_STATE_HOME: home, XDG_CONFIG_HOME: home, BT_EFFECT_NO_DHT: "true" },
  }),
  seed: ({ source, folder, home, port }) => ({
    file: process.execPath,
    args: [program, "seed", source, folder, "--bind", "127.0.0.1", "--port", String(port), "--no-trackers"],
    env: { ...quietEnvironment, XDG_STATE_HOME: home, XDG_CONFIG_HOME: home },
  }),
};

const floor: Client = {
  name: "floor",
  magnets: false,
  version: () => `plain Node ${process.version}`,
  command: ({ source, folder, fileName }) => ({
    file: process.execPath,
    args: [join(here, "floor.mjs"), source, join(folder, fileName)],
  }),
};

const webtorrent: Client = {
  name: "webtorrent",
  magnets: true,
  version: () => {
    const clients = join(here, "clients");
    const manifest = join(clients, "node_modules/webtorrent/package.json");
    if (!existsSync(manifest)) execFileSync("npm", ["ci", "--ignore-scripts"], { cwd: clients, stdio: "ignore" });
    // npm wrote it.
    return `webtorrent ${(JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version}`;
  },
  command: ({ source, folder }) => ({
    file: process.execPath,
    args: [join(here, "leech_webtorrent.mjs"), source, folder],
  }),
  seed: ({ source, folder, port }) => ({
    file: process.execPath,
    args: [join(here, "seed_webtorrent.mjs"), source, folder, String(port)],
  }),
};

const quietAria2 = [
  "--no-conf",
  "--quiet=true",
  "--follow-torrent=mem",
  "--file-allocation=none",
  "--disk-cache=64M",
  "--summary-interval=0",
  "--async-dns=false",
  "--disable-ipv6=true",
  "--enable-dht=false",
  "--enable-dht6=false",
  "--bt-enable-lpd=false",
  "--enable-peer-exchange=false",
  "--bt-max-peers=200",
  "--bt-require-crypto=false",
  "--bt-min-crypto-level=plain",
] as const;

const aria2: Client = {
  name: "aria2",
  magnets: true,
  version: () => firstLine("aria2c", "--version"),
  command: ({ source, folder, home }) => ({
    file: "aria2c",
    args: [...quietAria2, `--dir=${folder}`, "--seed-time=0", source],
    env: { HOME: home },
  }),
  seed: ({ source, folder, home, port }) => ({
    file: "aria2c",
    args: [
      ...quietAria2,
      `--dir=${folder}`,
      `--listen-port=${port}`,
      "--seed-ratio=0.0",
      "--check-integrity=true",
      source,
    ],
    env: { HOME: home },
  }),
};

const libtorrent: Client = {
  name: "libtorrent",
  magnets: true,
  // Debian's own Python: the one that python3-libtorrent is for.
  version: () =>
    `libtorrent ${firstLine("/usr/bin/python3", "-c", "import libtorrent; print(libtorrent.__version__)")}`,
  command: ({ source, folder }) => ({
    file: "/usr/bin/python3",
    args: [join(here, "leech_libtorrent.py"), source, folder],
  }),
  seed: ({ source, folder, port }) => ({
    file: "/usr/bin/python3",
    args: [join(here, "seed_libtorrent.py"), source, folder, String(port)],
  }),
};

/** All of them; ours first. */
export const clients: ReadonlyArray<Client> = [btEffect, webtorrent, aria2, libtorrent, floor];
