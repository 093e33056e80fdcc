/** Measures one client as a leecher, and as one that finds everything on disk already; with the swarm that the first of them needs. */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { workplace, type Workplace } from "./launch.ts";
import { failed, measure, type Measured } from "./measure.ts";
import { native } from "./native.ts";
import { type Line, lineEnds, type Network } from "./network.ts";
import { magnetLink, noTracker, type Payload, place, torrentFile, verify } from "./payload.ts";
import { seedLibtorrent } from "./programs/libtorrent.ts";
import type { Client, Command, Job } from "./programs/program.ts";
import type { Scenario } from "./scenarios.ts";
import type { SwarmOptions } from "./swarm.ts";

const rampMillis = 2000;

/** Seeder and tracker. */
export interface Swarm {
  readonly tracker: string;
  readonly pid: number;
  /** Which seeder it is. */
  readonly seeder: string;
  /** The share of the line's rate that came out of it later than 2 s after `since`. */
  readonly lineShare: (since: number) => number | undefined;
  readonly stop: () => Promise<void>;
}

/** What came out of the line, in windows of 100 ms. */
const watchLine = (line: Line | undefined, reports: Readable | null): Swarm["lineShare"] => {
  if (line === undefined || reports === null) return () => undefined;
  const windows: Array<{ readonly at: number; readonly bytes: number }> = [];
  createInterface(reports).on("line", (bytes) => windows.push({ at: performance.now(), bytes: Number(bytes) }));
  return (since) => {
    // The first and the last window are not full ones.
    const late = windows.filter(({ at }) => at > since + rampMillis).slice(1, -1);
    const bytes = late.reduce((sum, window) => sum + window.bytes, 0);
    return late.length < 3 ? undefined : (bytes * 8) / (late.length * 0.1) / (line.megabits * 1e6);
  };
};

const seederOf = async (
  scenario: Scenario,
  payload: Payload,
  network: Network,
  work: Workplace,
): Promise<Command | undefined> => {
  const encrypted = scenario.encrypted === true;
  if (scenario.from === "libtorrent") {
    place(payload, work.folder);
    const source = join(work.home, "seeder.torrent");
    writeFileSync(source, torrentFile(payload, noTracker));
    return seedLibtorrent({ source, folder: work.folder, host: network.peer(0), port: work.port, encrypted });
  }
  const file = native("seeder");
  const { blob, total, pieceLength, infoHash, infoFile } = payload;
  const control = scenario.line?.congestionControl ?? "cubic";
  return file === undefined
    ? undefined
    : { file, args: [blob, String(total), String(pieceLength), infoHash, infoFile, control] };
};

/** Starts the other side of a scenario, at the far end of its line where it has one. */
export const startSwarm = async (
  scenario: Scenario,
  payload: Payload,
  network: Network,
  root: string,
): Promise<Swarm> => {
  const { line } = scenario;
  const link = line && native("link");
  if (line !== undefined && network.shared !== undefined) throw new Error(network.shared);
  if (line !== undefined && link === undefined) throw new Error("the line is a program in C, and there is no compiler");
  const work = await workplace(root, root);
  const seeder = await seederOf(scenario, payload, network, work);
  const { blob, total, pieceLength, infoHash, infoFile } = payload;
  const options: SwarmOptions = {
    ...{ blob, total, pieceLength, infoHash, infoFile },
    host: line === undefined ? network.far : lineEnds.there,
    addresses:
      line === undefined ? Array.from({ length: scenario.peers }, (_, nth) => network.peer(nth)) : [lineEnds.there],
    ...(seeder && { seeder }),
  };
  const program: Command = { file: process.execPath, args: [join(import.meta.dirname, "swarm.ts")] };
  const { file, args } =
    line === undefined || link === undefined
      ? network.atFarEnd(program)
      : {
          file: link,
          args: [
            ...[line.megabits, line.millis / 2, line.lossPercent].map(String),
            ...[lineEnds.here, lineEnds.there, program.file, ...program.args],
          ],
        };
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "inherit", "pipe"] });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()).once("error", () => resolve()));
  const stop = async (): Promise<void> => {
    child.stdin?.end();
    await ended;
    work.remove();
  };
  // It is a stream because the line above asks for pipes.
  const lineShare = watchLine(line, (child.stdio[3] ?? null) as Readable | null);
  child.stdin?.write(`${JSON.stringify(options)}\n`);
  if (child.stdout !== null)
    for await (const said of createInterface(child.stdout)) {
      // swarm.ts wrote it.
      const { tracker } = JSON.parse(said) as { tracker: string };
      const name = scenario.from ?? (seeder === undefined ? "seeder.ts" : "native/seeder.c");
      return { tracker, pid: child.pid ?? 0, seeder: name, lineShare, stop };
    }
  await stop();
  throw new Error("the seeder ended before it was ready");
};

/** What a run needs to know of its surroundings. */
export interface Surroundings {
  readonly network: Network;
  /** Memory-backed folder for all but the output. */
  readonly root: string;
  /** Folder that takes the output. */
  readonly outputs: string;
}

const job = (scenario: Scenario, payload: Payload, around: Surroundings, work: Workplace, source: string): Job => ({
  ...work,
  source,
  name: payload.torrentName,
  host: scenario.line === undefined ? around.network.near : lineEnds.here,
  encrypted: scenario.encrypted === true,
});

const finish = (measured: Measured, payload: Payload, work: Workplace): Measured => {
  const failure = measured.failure ?? verify(payload, work.folder);
  if (failure !== undefined) process.stderr.write(`${work.said()}\n`);
  work.remove();
  return failure === undefined ? measured : failed(failure);
};

/** Downloads once and compares what came. */
export const measureFetching = async (
  client: Client,
  scenario: Scenario,
  payload: Payload,
  around: Surroundings,
  swarm: Swarm,
): Promise<Measured> => {
  const work = await workplace(around.root, around.outputs);
  const torrent = join(work.home, "..", `${payload.name}.torrent`);
  writeFileSync(torrent, torrentFile(payload, swarm.tracker));
  const source = scenario.magnet === true ? magnetLink(payload, swarm.tracker) : torrent;
  const command = client.fetch?.(job(scenario, payload, around, work, source));
  if (command === undefined) return failed("it is no leecher");
  const since = performance.now();
  const measured = await measure(command, { ...work, limitSeconds: scenario.limitSeconds, helpers: [swarm.pid] });
  const lineShare = swarm.lineShare(since);
  return finish({ ...measured, ...(lineShare !== undefined && { lineShare }) }, payload, work);
};

/** Has everything checked once that is there already. */
export const measureChecking = async (
  client: Client,
  scenario: Scenario,
  payload: Payload,
  around: Surroundings,
): Promise<Measured> => {
  const work = await workplace(around.root, around.outputs);
  place(payload, work.folder);
  const torrent = join(work.home, "..", `${payload.name}.torrent`);
  writeFileSync(torrent, torrentFile(payload, noTracker));
  const command = client.check?.(job(scenario, payload, around, work, torrent));
  if (command === undefined) return failed("it checks nothing");
  const measured = await measure(command, { ...work, limitSeconds: scenario.limitSeconds, helpers: [] });
  return finish(measured, payload, work);
};
