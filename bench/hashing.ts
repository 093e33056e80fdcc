/**
 * Making and checking torrents of files that are in memory (tmpfs), beside the programs that are used for it. One file of 1 GiB, and four such files,
 * where the start of a program weighs less; they are links to one, so that they take no more room.
 */
import { existsSync, linkSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { measure, type Measured } from "./measure.ts";
import { makePayload } from "./payload.ts";
import { program } from "./programs/btEffect.ts";
import type { Command } from "./programs/program.ts";
import { median } from "./report.ts";

const mebibyte = 1024 * 1024;
const gibibyte = 1024 * mebibyte;
const cores = cpus().length;
/** A run with more of the machine taken by others than this is repeated. */
const MAX_NOISE = 0.15;

/** What a program is to do. */
interface Task {
  /** The file or folder. */
  readonly path: string;
  /** The folder that holds it. */
  readonly folder: string;
  /** To be checked, or to be made anew. */
  readonly torrent: string;
  /** An empty folder to live in. */
  readonly home: string;
}

type Run = (task: Task) => Command;

const script = join(import.meta.dirname, "programs/hash_libtorrent.py");
const python = (...args: ReadonlyArray<string>): Command => ({
  file: "/usr/bin/python3",
  args: ["-B", script, ...args],
});
const btEffect = (home: string, ...args: ReadonlyArray<string>): Command => ({
  file: process.execPath,
  args: [program, ...args],
  env: { XDG_STATE_HOME: home, XDG_CONFIG_HOME: home },
});

const create =
  (version: string): Run =>
  ({ home, path, torrent }) =>
    btEffect(home, "create", "-q", "--version", version, "--piece-length", "1M", "-o", torrent, path);

const making = (version: string): Readonly<Record<string, Run>> => ({
  "bt-effect": create(version),
  libtorrent: ({ path, torrent }) => python("create", version, path, torrent),
});

/** What is measured: programs by name. */
const jobs: Readonly<Record<string, Readonly<Record<string, Run>>>> = {
  "create v1": {
    ...making("v1"),
    mktorrent: ({ path, torrent }) => ({
      file: "mktorrent",
      args: ["-l", "20", "-t", String(cores), "-a", "http://127.0.0.1:1/announce", "-o", torrent, path],
    }),
    "transmission-create": ({ path, torrent }) => ({
      file: "transmission-create",
      args: ["-s", "1024", "-o", torrent, path],
    }),
  },
  "create v2": making("v2"),
  "create hybrid": making("hybrid"),
  verify: {
    "bt-effect": ({ folder, home, torrent }) => btEffect(home, "verify", "-q", torrent, folder),
    libtorrent: ({ folder, torrent }) => python("verify", torrent, folder),
    aria2: ({ folder, home, torrent }) => ({
      file: "aria2c",
      args: ["-d", folder, "--check-integrity", "--hash-check-only", "--bt-hash-check-seed=false", "-q", torrent],
      env: { HOME: home },
    }),
  },
};

/** A program's runs of one job on one payload. */
interface Row {
  readonly job: string;
  readonly files: number;
  readonly program: string;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly peakAnonMiB: number;
  readonly failure?: string;
}

const makeContent = (folder: string, blob: string, files: number): string => {
  const path = join(folder, files === 1 ? "one.bin" : "several");
  if (existsSync(path)) return path;
  if (files === 1) linkSync(blob, path);
  else {
    mkdirSync(path);
    for (let index = 0; index < files; index++) linkSync(blob, join(path, `${index}.bin`));
  }
  return path;
};

const summarise = (job: string, files: number, program: string, runs: ReadonlyArray<Measured>): Row => {
  const failure = runs.find((run) => run.failure !== undefined)?.failure;
  return {
    job,
    files,
    program,
    wallSeconds: median(runs.map(({ wallSeconds }) => wallSeconds)),
    cpuSeconds: median(runs.map(({ cpuSeconds }) => cpuSeconds)),
    peakAnonMiB: Math.max(...runs.map(({ peakAnonMiB }) => peakAnonMiB)),
    ...(failure !== undefined && { failure }),
  };
};

const tableOf = (rows: ReadonlyArray<Row>): string =>
  [
    "### Making and checking torrents",
    "",
    "| job | GiB | program | wall s | MiB/s | CPU s | peak anonymous MiB |",
    "| --- | ---: | --- | ---: | ---: | ---: | ---: |",
    ...rows.map(({ cpuSeconds, failure, files, job, peakAnonMiB, program: name, wallSeconds }) =>
      failure === undefined
        ? `| ${job} | ${files} | ${name} | ${wallSeconds.toFixed(2)} | ${((files * 1024) / wallSeconds).toFixed(0)} | ${cpuSeconds.toFixed(2)} | ${peakAnonMiB.toFixed(0)} |`
        : `| ${job} | ${files} | ${name} | failed: ${failure} | | | |`,
    ),
  ].join("\n");

/** For each job and size: the time of bt-effect to that of the fastest of the others. */
const barsOf = (rows: ReadonlyArray<Row>): ReadonlyArray<string> => {
  const kinds = new Set(rows.map(({ files, job }) => `${job}, ${files} GiB`));
  return [...kinds].flatMap((kind) => {
    const walls = rows.filter(({ failure, files, job }) => failure === undefined && `${job}, ${files} GiB` === kind);
    const ours = walls.find((row) => row.program === "bt-effect")?.wallSeconds;
    const best = Math.min(...walls.filter((row) => row.program !== "bt-effect").map(({ wallSeconds }) => wallSeconds));
    if (ours === undefined || !Number.isFinite(best)) return [];
    const ratio = ours / best;
    return [`- ${ratio <= 1 ? "met" : "MISSED"}: ${kind}, time to the fastest other, at most 1: ${ratio.toFixed(2)}`];
  });
};

/** Measures all jobs, interleaved; gives the table and the rows as they are kept. */
export const measureHashing = async (options: {
  readonly root: string;
  readonly rounds: number;
  readonly say: (line: string) => void;
}): Promise<{ readonly table: string; readonly rows: ReadonlyArray<Row> }> => {
  const payload = { name: "noise-1g", size: gibibyte, pieceLength: mebibyte, repeat: 1 };
  const { blob } = makePayload(join(options.root, "payloads"), payload);
  const work = mkdtempSync(join(options.root, "hashing-"));
  const rows: Array<Row> = [];
  try {
    for (const [job, programs] of Object.entries(jobs)) {
      for (const files of [1, 4]) {
        const path = makeContent(work, blob, files);
        const known = join(work, `${files}.torrent`);
        const runs = new Map(Object.keys(programs).map((name) => [name, new Array<Measured>()]));
        const run = async (command: Run): Promise<Measured> => {
          const home = mkdtempSync(join(work, "home-"));
          const torrent = job === "verify" ? known : join(home, "made.torrent");
          const limits = { log: join(work, "log"), limitSeconds: 60, helpers: [] };
          // What is checked is a v1 torrent, which all know.
          if (job === "verify" && !existsSync(known))
            await measure(create("v1")({ path, folder: work, torrent, home }), limits);
          const measured = await measure(command({ path, folder: work, torrent, home }), limits);
          rmSync(home, { recursive: true });
          return measured;
        };
        for (let round = 0; round < options.rounds; round++) {
          for (const [name, command] of Object.entries(programs)) {
            let measured = await run(command);
            for (let again = 0; again < 2 && measured.noise > MAX_NOISE; again++) {
              const retried = await run(command);
              if (retried.noise < measured.noise) measured = retried;
            }
            runs.get(name)?.push(measured);
          }
        }
        for (const [name, measured] of runs) {
          const row = summarise(job, files, name, measured);
          rows.push(row);
          options.say(`${job}, ${files} GiB: ${name}: ${row.failure ?? `${row.wallSeconds.toFixed(2)} s`}`);
        }
      }
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return { table: [tableOf(rows), ...barsOf(rows)].join("\n"), rows };
};
