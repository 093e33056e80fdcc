/** Measures what a peer that is connected and idle costs bt-effect in memory. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { anonMiB } from "./accounts.ts";
import type { Surroundings } from "./fetching.ts";
import { launch, workplace } from "./launch.ts";
import { noTracker, type Payload, place, torrentFile } from "./payload.ts";
import { btEffect } from "./programs/btEffect.ts";

/** Long enough for one peer more to be the only thing that happens. */
const settleMillis = 3000;
const limitMillis = 30_000;

/** Anonymous MiB of a seed with this many idle peers; NaN where they did not get in. */
const memoryWith = async (count: number, payload: Payload, around: Surroundings): Promise<number> => {
  const work = await workplace(around.root, around.root);
  place(payload, work.folder);
  const source = join(work.home, "..", `${payload.name}.torrent`);
  writeFileSync(source, torrentFile(payload, noTracker));
  const host = around.network.near;
  const command = btEffect.seed?.({ ...work, source, name: payload.torrentName, host, wire: "plain" });
  if (command === undefined) return NaN;
  const seed = launch(command, work.log);
  const addresses = Array.from({ length: count }, (_, nth) => around.network.peer(nth));
  const { file, args } = around.network.atFarEnd({
    file: process.execPath,
    args: [join(import.meta.dirname, "idlers.ts"), host, String(work.port), payload.infoHash, ...addresses],
  });
  const idlers = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ready = once(idlers.stdout, "data").then(() => true);
  try {
    if (!(await Promise.race([ready, pause(limitMillis, false)]))) return NaN;
    await pause(settleMillis);
    return anonMiB(seed.child.pid ?? 0);
  } finally {
    idlers.kill("SIGKILL");
    await seed.stop();
    work.remove();
  }
};

/** How many peers are compared with one. */
export const idlePeers = 200;

/** Anonymous MiB that a seed takes with one idle peer and with `idlePeers` of them. */
export const measureIdle = async (
  payload: Payload,
  around: Surroundings,
): Promise<{ readonly one: number; readonly many: number }> => ({
  one: await memoryWith(1, payload, around),
  many: await memoryWith(idlePeers, payload, around),
});
