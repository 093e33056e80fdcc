/**
 * `npm run bench`: downloads over loopback with bt-effect and others, interleaved, verified, and prints medians.
 *
 *   --quick            64 MiB, once, only bt-effect and the floor: does it run?
 *   --runs N           rounds of every scenario (3)
 *   --clients A,B      only these
 *   --scenarios A,B    only these (the optional ones too); `hashing` is making and checking torrents
 *
 * A client that cannot be run is a failed row and a non-zero exit. Results: bench/results/<time>.json, docs/bench.svg.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { chart } from "./chart.ts";
import { clients, program, type Client } from "./clients.ts";
import { measureHashing } from "./hashing.ts";
import { measure, type Measured } from "./measure.ts";
import { magnetLink, makePayload, sha256, torrentFile, type Payload } from "./payload.ts";
import { measureSeeding } from "./seeding.ts";
import { bars, median, summarise, table, type Row, type Run } from "./report.ts";
import { quickScenarios, scenarios, type Scenario } from "./scenarios.ts";

const { values: flags } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    runs: { type: "string" },
    clients: { type: "string" },
    scenarios: { type: "string" },
  },
});
const here = import.meta.dirname;
const root = process.env["BT_EFFECT_BENCH_FOLDER"] ?? "/dev/shm/bt-effect-bench";
const rounds = Number(flags.runs ?? (flags.quick ? 1 : 3));
const wantedClients = flags.clients?.split(",");
const wantedScenarios = flags.scenarios?.split(",");
/** A run with more of the machine taken by others than this is repeated, twice at most; the quietest counts. */
const maxNoise = 0.15;

const say = (line: string): void => void process.stderr.write(`${line}\n`);

const startSwarm = async (
  payload: Payload,
  peers: number,
): Promise<{ tracker: string; pid: number; stop: () => void }> => {
  const options = {
    blob: payload.blob,
    total: payload.total,
    pieceLength: payload.pieceLength,
    info: payload.info.toString("base64"),
    infoHash: payload.infoHash,
    peers,
  };
  const child = spawn(process.execPath, [join(here, "swarm.ts")], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin.write(`${JSON.stringify(options)}\n`);
  for await (const line of createInterface(child.stdout)) {
    // swarm.ts wrote it.
    const { tracker } = JSON.parse(line) as { tracker: string };
    return { tracker, pid: child.pid ?? 0, stop: () => void child.stdin.end() };
  }
  throw new Error("the seeder ended before it was ready");
};

const verified = (payload: Payload, path: string): string | undefined => {
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined) return "no output";
  return size === payload.total && sha256(path) === payload.sha256 ? undefined : "wrong content";
};

const download = async (
  client: Client,
  scenario: Scenario,
  payload: Payload,
  swarm: { readonly tracker: string; readonly pid: number },
): Promise<Measured> => {
  const work = mkdtempSync(join(root, "run-"));
  const [folder, home] = [join(work, "out"), join(work, "home")];
  mkdirSync(folder, { recursive: true });
  mkdirSync(home, { recursive: true });
  const torrent = join(work, `${payload.name}.torrent`);
  writeFileSync(torrent, torrentFile(payload, swarm.tracker));
  const source = scenario.source === "magnet" ? magnetLink(payload, swarm.tracker) : torrent;
  const fileName = `${payload.name}.bin`;
  const log = join(work, "log");
  const measured = await measure(client.command({ source, folder, fileName, home }), {
    log,
    limitSeconds: scenario.limitSeconds,
    helpers: [swarm.pid],
  });
  const failure = measured.failure ?? verified(payload, join(folder, fileName));
  if (failure !== undefined) say(readFileSync(log, "utf8").slice(-2000));
  rmSync(work, { recursive: true, force: true });
  return failure === undefined ? measured : { ...measured, failure };
};

const runScenario = async (scenario: Scenario): Promise<{ rows: ReadonlyArray<Row>; runs: ReadonlyArray<Run> }> => {
  const payload = makePayload(join(root, "payloads"), scenario.payload);
  const wanted = clients.filter(
    ({ name, magnets }) =>
      (wantedClients ?? scenario.clients ?? [name]).includes(name) && (magnets || scenario.source === "torrent"),
  );
  const unusable = new Map<string, string>();
  for (const client of wanted) {
    try {
      say(`${scenario.name}: ${client.name}: ${client.version()}`);
    } catch (error) {
      unusable.set(client.name, error instanceof Error ? (error.message.split("\n", 1)[0] ?? "") : String(error));
    }
  }
  const swarm = await startSwarm(payload, scenario.peers);
  const once = (client: Client): Promise<Measured> =>
    scenario.seeding === true
      ? measureSeeding(client, payload, { root, limitSeconds: scenario.limitSeconds })
      : download(client, scenario, payload, swarm);
  const runs: Array<Run> = [];
  try {
    for (let round = 0; round < rounds; round++) {
      for (const client of wanted.filter(({ name }) => !unusable.has(name))) {
        let measured = await once(client);
        for (
          let again = 0;
          again < 2 && measured.failure === undefined && measured.noise > maxNoise && !flags.quick;
          again++
        ) {
          const retried = await once(client);
          if (retried.failure !== undefined || retried.noise < measured.noise) measured = retried;
        }
        const { wallSeconds, cpuSeconds, peakAnonMiB, noise, failure } = measured;
        say(
          `${scenario.name} ${round + 1}/${rounds} ${client.name}: ${failure ?? `${wallSeconds.toFixed(3)} s, CPU ${cpuSeconds.toFixed(2)} s, ${peakAnonMiB.toFixed(0)} MiB, others ${(100 * noise).toFixed(0)} %`}`,
        );
        runs.push({ ...measured, client: client.name, scenario: scenario.name });
      }
    }
  } finally {
    swarm.stop();
  }
  const rows = wanted.map(({ name }): Row => {
    const failure = unusable.get(name);
    const row = summarise(
      scenario,
      name,
      runs.filter((run) => run.client === name),
    );
    return failure === undefined ? row : { ...row, failure };
  });
  return { rows, runs };
};

/** Median start-up of `--version` and of a bare Node, seconds. */
const startup = (): { program: number; bare: number } => {
  const time = (args: ReadonlyArray<string>): number => {
    const start = performance.now();
    const { status } = spawnSync(process.execPath, args, { stdio: "ignore" });
    return status === 0 ? (performance.now() - start) / 1000 : NaN;
  };
  const pairs = Array.from({ length: 11 }, () => [time([program, "--version"]), time(["-e", "0"])] as const);
  return { program: median(pairs.map(([ours]) => ours)), bare: median(pairs.map(([, bare]) => bare)) };
};

const chosen = flags.quick
  ? quickScenarios
  : scenarios.filter(({ name, optional }) => wantedScenarios?.includes(name) ?? !optional);
const rows: Array<Row> = [];
const runs: Array<Run> = [];
const tables: Array<string> = [];
for (const scenario of chosen) {
  const result = await runScenario(scenario);
  rows.push(...result.rows);
  runs.push(...result.runs);
  tables.push(table(scenario, result.rows));
}
const hashing =
  (wantedScenarios?.includes("hashing") ?? !flags.quick) ? await measureHashing({ root, rounds, say }) : undefined;
if (hashing !== undefined) tables.push(hashing.table);
const started = flags.quick || wantedScenarios !== undefined ? undefined : startup();
if (started !== undefined) {
  tables.push(
    `### Start-up\n\n\`bt-effect --version\` ${(started.program * 1000).toFixed(0)} ms, \`node -e 0\` ${(started.bare * 1000).toFixed(0)} ms`,
  );
}
const barLines = bars(rows, started === undefined ? undefined : started.program / started.bare);
console.log([...tables, ...(barLines.length > 0 ? [barLines.join("\n")] : [])].join("\n\n"));

const time = new Date().toISOString();
const machine = `${cpus()[0]?.model ?? "unknown"}, ${cpus().length} cores, Node ${process.version}`;
mkdirSync(join(here, "results"), { recursive: true });
writeFileSync(
  join(here, "results", `${time.replaceAll(":", "-")}.json`),
  `${JSON.stringify({ time, machine, rows, runs, hashing: hashing?.rows, startup: started }, null, 2)}\n`,
);
const drawn = chosen.filter(({ name }) => name === "one-peer" || name === "eight-peers");
if (drawn.length > 0 && wantedClients === undefined) {
  writeFileSync(
    join(here, "../docs/bench.svg"),
    chart(Object.fromEntries(drawn.map(({ name, title }) => [name, title])), rows),
  );
}
process.exitCode = [...rows, ...(hashing?.rows ?? [])].some(({ failure }) => failure !== undefined) ? 1 : 0;
