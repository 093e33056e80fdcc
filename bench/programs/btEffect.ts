/** bt-effect as it is built: `node dist/main.js`. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Client, firstLine, type Job } from "./program.ts";

/** What keeps bt-effect on this machine, also for a magnet link, of which nobody knows yet that it is private. */
export const quietEnvironment: Readonly<Record<string, string>> = {
  BT_EFFECT_NO_DHT: "true",
  BT_EFFECT_NO_LSD: "true",
  BT_EFFECT_NO_PORT_MAPPING: "true",
  BT_EFFECT_NO_UTP: "true",
};

/** The built program. */
export const program = join(import.meta.dirname, "../../dist/main.js");

/** As many peers as the others are allowed. */
const maxPeers = ["--max-peers", "200"] as const;

const fetch = ({ source, folder, name, home, wire }: Job) => ({
  file: process.execPath,
  args: [program, source, join(folder, name), ...maxPeers, ...(wire === "rc4" ? ["--encryption", "require"] : [])],
  // The compile cache stays, as it does for a user.
  env: { ...quietEnvironment, XDG_STATE_HOME: home, XDG_CONFIG_HOME: home },
});

/** Ours. */
export const btEffect: Client = {
  name: "bt-effect",
  magnets: true,
  version: () => {
    if (!existsSync(program)) throw new Error("dist/main.js is not there: npm run build");
    return firstLine(process.execPath, program, "--version");
  },
  fetch,
  // A payload that is complete is hashed, and that is the end.
  check: fetch,
  seed: ({ source, folder, home, host, port, wire }) => ({
    file: process.execPath,
    args: [program, "seed", source, folder, "--bind", host, "--port", String(port), "--no-trackers", ...maxPeers],
    env: {
      ...quietEnvironment,
      ...(wire === "utp" && { BT_EFFECT_NO_UTP: "false" }),
      ...{ XDG_STATE_HOME: home, XDG_CONFIG_HOME: home },
    },
  }),
};

/** Ours in plaintext where the others encipher: what the cipher costs is the difference, and a machine's speed changes within minutes. */
export const btEffectPlain: Client = {
  name: "bt-effect-plain",
  onlyWhereNamed: true,
  magnets: true,
  version: btEffect.version,
  fetch: (job) => fetch({ ...job, wire: "plain" }),
};
