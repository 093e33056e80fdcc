/** webtorrent from npm, installed in a folder of the benchmark's own. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Client, Job } from "./program.ts";

const here = import.meta.dirname;

const fetch = ({ source, folder }: Job) => ({
  file: process.execPath,
  args: [join(here, "leech_webtorrent.mjs"), source, folder],
});

/** The client that JavaScript has had so far. */
export const webtorrent: Client = {
  name: "webtorrent",
  magnets: true,
  version: () => {
    const clients = join(here, "../clients");
    const manifest = join(clients, "node_modules/webtorrent/package.json");
    if (!existsSync(manifest)) execFileSync("npm", ["ci", "--ignore-scripts"], { cwd: clients, stdio: "ignore" });
    // npm wrote it.
    return `webtorrent ${(JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version}`;
  },
  fetch,
  check: fetch,
  seed: ({ source, folder, port }) => ({
    file: process.execPath,
    args: [join(here, "seed_webtorrent.mjs"), source, folder, String(port)],
  }),
};
