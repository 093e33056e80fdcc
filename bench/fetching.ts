/** Measures one client as a leecher, and as one that finds everything on disk already; with the swarm that the first of them needs. */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type LaidLine, layLine } from "./line.ts";
import { workplace, type Workplace } from "./launch.ts";
import { failed, measure, type Measured } from "./measure.ts";
import { native } from "./native.ts";
import type { Network, Path } from "./network.ts";
import { magnetLink, noTracker, type Payload, place, torrentFile, verify } from "./payload.ts";
import { seedLibtorrent } from "./programs/libtorrent.ts";
import type { Client, Command, Job } from "./programs/program.ts";
import { type Scenario, wireOf } from "./scenarios.ts";
import type { SwarmOptions } from "./swarm.ts";

/** Seeder and tracker. */
export interface Swarm {
  readonly tracker: string;
  /** The processes it consists of. */
  readonly pids: ReadonlyArray<number>;
  /** Between it and the clients, if it is not the benchmark's network. */
  readonly line: LaidLine | undefined;
  /** Which seeder it is. */
  readonly seeder: string;
  readonly stop: () => Promise<void>;
}

const seederOf = async (
  scenario: Scenario,
  payload: Payload,
  path: Path,
  work: Workplace,
): Promise<Command | undefined> => {
  if (scenario.from === "libtorrent") {
    place(payload, work.folder);
    const source = join(work.home, "seeder.torrent");
    writeFileSync(source, torrentFile(payload, noTracker));
    return seedLibtorrent({ source, folder: work.folder, host: path.peer(0), port: work.port, wire: wireOf(scenario) });
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
  const line = scenario.line && (await layLine(scenario.line, network));
  const path: Path = line ?? network;
  const work = await workplace(root, root);
  const seeder = await seederOf(scenario, payload, path, work);
  const { blob, total, pieceLength, infoHash, infoFile } = payload;
  const options: SwarmOptions = {
    ...{ blob, total, pieceLength, infoHash, infoFile },
    host: path.far,
    addresses: Array.from({ length: scenario.peers }, (_, nth) => path.peer(nth)),
    ...(seeder && { seeder }),
  };
  const { file, args } = path.atFarEnd({ file: process.execPath, args: [join(import.meta.dirname, "swarm.ts")] });
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()).once("error", () => resolve()));
  const stop = async (): Promise<void> => {
    child.stdin.end();
    await ended;
    await line?.close();
    work.remove();
  };
  child.stdin.write(`${JSON.stringify(options)}\n`);
  for await (const said of createInterface(child.stdout)) {
    // swarm.ts wrote it.
    const { tracker } = JSON.parse(said) as { tracker: string };
    const name = scenario.from ?? (seeder === undefined ? "seeder.ts" : "native/seeder.c");
    const pids = [child.pid ?? 0, ...(line === undefined ? [] : [line.pid])];
    return { tracker, pids, line, seeder: name, stop };
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

const job = (scenario: Scenario, payload: Payload, path: Path, work: Workplace, source: string): Job => ({
  ...work,
  source,
  name: payload.torrentName,
  host: path.near,
  wire: wireOf(scenario),
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
  const command = client.fetch?.(job(scenario, payload, swarm.line ?? around.network, work, source));
  if (command === undefined) return failed("it is no leecher");
  const since = performance.now();
  const measured = await measure(command, { ...work, limitSeconds: scenario.limitSeconds, helpers: swarm.pids });
  const lineShare = swarm.line?.share(since);
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
  const command = client.check?.(job(scenario, payload, around.network, work, torrent));
  if (command === undefined) return failed("it checks nothing");
  const measured = await measure(command, { ...work, limitSeconds: scenario.limitSeconds, helpers: [] });
  return finish(measured, payload, work);
};
