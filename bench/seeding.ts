/** Measures one client as a seeder: it shares a payload with `leecher.ts`, and only the transfer counts, not what comes before it. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Client } from "./clients.ts";
import type { LeecherOptions } from "./leecher.ts";
import { anonKiB, type Measured, ticksPerSecond, treeTicks } from "./measure.ts";
import { type Payload, torrentFile } from "./payload.ts";

/** Requests that the leecher keeps waiting. */
const depth = 64;
const sampleMillis = 100;
const retryMillis = 100;
/** A seeder that is not done checking what it has may take a connection and never answer; one round of choking is 10 s. */
const readyMillis = 12_000;

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });

const pause = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis));

/** The seconds that one leecher takes; nothing where the seeder is not there yet. */
const attempt = async (
  options: LeecherOptions,
  measured: { readonly begin: () => void },
): Promise<number | undefined> => {
  const child = spawn(process.execPath, [join(import.meta.dirname, "leecher.ts")], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  // Where it ends before it read them, its status tells.
  child.stdin.on("error", () => undefined);
  child.stdin.write(`${JSON.stringify(options)}\n`);
  const impatience = setTimeout(() => child.kill("SIGKILL"), readyMillis);
  let seconds: number | undefined;
  for await (const line of createInterface(child.stdout)) {
    if (line === "ready") {
      clearTimeout(impatience);
      measured.begin();
      child.stdin.write("go\n");
    } else seconds = Number(line);
  }
  clearTimeout(impatience);
  return seconds;
};

const stop = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
    if (child.exitCode !== null) resolve();
  });

/** Shares `payload` once. */
export const measureSeeding = async (
  client: Client,
  payload: Payload,
  options: { readonly root: string; readonly limitSeconds: number },
): Promise<Measured> => {
  const work = mkdtempSync(join(options.root, "seed-"));
  const [folder, home] = [join(work, "data"), join(work, "home")];
  mkdirSync(folder);
  mkdirSync(home);
  const fileName = `${payload.name}.bin`;
  symlinkSync(payload.blob, join(folder, fileName));
  const source = join(work, `${payload.name}.torrent`);
  // Nobody answers there: the leecher is all the swarm there is.
  writeFileSync(source, torrentFile(payload, "http://127.0.0.1:9/announce"));
  const port = await freePort();
  const command = client.seed?.({ source, folder, fileName, home, port });
  if (command === undefined) throw new Error(`${client.name} cannot be measured as a seeder`);
  const path = join(work, "log");
  const log = openSync(path, "w");
  const child = spawn(command.file, command.args, {
    stdio: ["ignore", log, log],
    env: { ...process.env, ...command.env },
  });
  const pid = child.pid ?? 0;
  let before = 0;
  let peakKiB = 0;
  const sampler = setInterval(() => (peakKiB = Math.max(peakKiB, anonKiB(pid))), sampleMillis);
  const begin = (): void => {
    before = treeTicks(pid);
  };
  const end = performance.now() + options.limitSeconds * 1000;
  try {
    while (performance.now() < end && child.exitCode === null) {
      const { blob, infoHash, pieceLength } = payload;
      const seconds = await attempt({ port, blob, infoHash, pieceLength, depth }, { begin });
      if (seconds === undefined) {
        await pause(retryMillis);
        continue;
      }
      const used = treeTicks(pid) - before;
      const cpuSeconds = used / ticksPerSecond;
      // What the leecher used is not known any more, so that nobody can say what the others took: no run is repeated for it.
      return { wallSeconds: seconds, cpuSeconds, peakAnonMiB: peakKiB / 1024, noise: 0 };
    }
    process.stderr.write(readFileSync(path, "utf8").slice(-2000));
    return { wallSeconds: NaN, cpuSeconds: NaN, peakAnonMiB: 0, noise: 0, failure: "it served nothing" };
  } finally {
    clearInterval(sampler);
    await stop(child);
    closeSync(log);
    rmSync(work, { recursive: true, force: true });
  }
};
