/** Measures one client as a seeder: it shares a payload with one leecher, and only the transfer counts, not what comes before it. */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { childSeconds, treeSeconds, watchOthers } from "./accounts.ts";
import type { Surroundings } from "./fetching.ts";
import { launch, workplace } from "./launch.ts";
import { failed, measure, type Measured, watchMemory } from "./measure.ts";
import { layLine } from "./line.ts";
import { native } from "./native.ts";
import type { Path } from "./network.ts";
import { noTracker, type Payload, place, torrentFile, verify } from "./payload.ts";
import { leechLibtorrent } from "./programs/libtorrent.ts";
import type { Client, Command, Job } from "./programs/program.ts";
import { type Scenario, wireOf } from "./scenarios.ts";

/** Requests that the leecher keeps waiting: what most clients allow one peer. */
const depth = 250;
const retryMillis = 100;
/** A seeder that is not done checking what it has may take a connection and never answer; one round of choking is 10 s. */
const readyMillis = 12_000;

/** The cheap leecher that this machine can run: the one in C, or the one in Node. */
export const cheapLeecher = (): "native/leecher.c" | "leecher.ts" =>
  native("leecher") === undefined ? "leecher.ts" : "native/leecher.c";

const leecherOf = ({ host, port }: Job, { blob, pieceLength, infoHash }: Payload): Command => {
  const args = [host, String(port), blob, String(pieceLength), infoHash, String(depth)];
  const file = native("leecher");
  return file === undefined
    ? { file: process.execPath, args: [join(import.meta.dirname, "leecher.ts"), ...args] }
    : { file, args };
};

/** The seconds that one leecher takes after `begin` said to go on; nothing where the seeder is not there yet, or `begin` said not to. */
const attempt = async ({ file, args }: Command, begin: () => boolean): Promise<number | undefined> => {
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "ignore"] });
  // Where it ends before it reads, its status tells.
  child.stdin.on("error", () => undefined);
  const impatience = setTimeout(() => child.kill("SIGKILL"), readyMillis);
  let seconds: number | undefined;
  for await (const line of createInterface(child.stdout)) {
    if (line === "ready") {
      clearTimeout(impatience);
      if (!begin()) child.kill("SIGKILL");
      child.stdin.write("go\n");
    } else seconds = Number(line);
  }
  clearTimeout(impatience);
  return seconds;
};

/** Shares `payload` once. */
export const measureSeeding = async (
  client: Client,
  scenario: Scenario,
  payload: Payload,
  around: Surroundings,
): Promise<Measured> => {
  if (client.seed === undefined) return failed("it is no seeder");
  const line = scenario.line && (await layLine(scenario.line, around.network));
  const { near: host, far, atFarEnd }: Path = line ?? around.network;
  const [work, other] = [await workplace(around.root, around.root), await workplace(around.root, around.root)];
  place(payload, work.folder);
  const source = join(work.home, "..", `${payload.name}.torrent`);
  writeFileSync(source, torrentFile(payload, noTracker));
  const job: Job = { ...work, source, name: payload.torrentName, host, wire: wireOf(scenario) };
  const command = client.seed(job);
  const cheap = atFarEnd(leecherOf(job, payload));
  const { child, stop } = launch(command, work.log);
  const pid = child.pid ?? 0;
  const helpers = [pid, ...(line === undefined ? [] : [line.pid])];
  const peak = watchMemory(pid);
  const end = performance.now() + scenario.limitSeconds * 1000;
  /** With the cheap leecher until it is ready, then with the one that the scenario names. */
  const transfer = async (): Promise<Measured> => {
    let [before, leechers] = [0, 0];
    let others = watchOthers(helpers);
    let ready = false;
    const begin = (): boolean => {
      ready = true;
      others = watchOthers(helpers);
      [before, leechers] = [treeSeconds(pid), childSeconds()];
      return scenario.leecher === "cheap";
    };
    await command.begin?.();
    while (performance.now() < end && child.exitCode === null) {
      const seconds = await attempt(cheap, begin);
      if (!ready) {
        await pause(retryMillis);
        continue;
      }
      if (scenario.leecher === "cheap") {
        if (seconds === undefined) return failed("the leecher did not get everything");
        const cpuSeconds = treeSeconds(pid) - before;
        // The leecher's own work is no noise.
        const noise = others(childSeconds() - leechers);
        return { wallSeconds: seconds, cpuSeconds, peakAnonMiB: peak(), noise };
      }
      const { wallSeconds, noise, failure } = await measure(
        atFarEnd(leechLibtorrent({ ...job, folder: other.folder, host: far }, host)),
        {
          ...other,
          limitSeconds: scenario.limitSeconds,
          helpers,
        },
      );
      const cpuSeconds = treeSeconds(pid) - before;
      const wrong = failure ?? verify(payload, other.folder);
      return wrong === undefined ? { wallSeconds, cpuSeconds, peakAnonMiB: peak(), noise } : failed(wrong);
    }
    return failed("it served nothing");
  };
  const measured = await transfer().catch((error: unknown) => failed(String(error)));
  await stop();
  await line?.close();
  if (measured.failure !== undefined) process.stderr.write(`${work.said()}\n`);
  work.remove();
  other.remove();
  return measured;
};
