/**
 * `npm run bench`: bt-effect and others side by side, interleaved, verified; prints medians and the project's bars.
 *
 *   --quick            64 MiB, once, only bt-effect and the floor: does it run?
 *   --runs N           rounds of every scenario (5)
 *   --noisy            take runs as they come, however busy the machine is
 *   --clients A,B      only these
 *   --scenarios A,B    only these (the optional ones too); `hashing` is making and checking torrents,
 *                      `start-up` is `--version`, `idle` is 200 peers that do nothing
 *
 * A client that cannot be run is a failed row and a non-zero exit. Results: bench/results/<time>.json, docs/bench.svg.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, statfsSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { barTable, bars } from "./bars.ts";
import { chart } from "./chart.ts";
import { clients } from "./clients.ts";
import { measureHashing } from "./hashing.ts";
import { cipherSeconds, type Loop } from "./cipher.ts";
import { idlePeers, measureIdle } from "./idle.ts";
import { failed } from "./measure.ts";
import { enterNetwork } from "./network.ts";
import { makePayload } from "./payload.ts";
import { program } from "./programs/btEffect.ts";
import { median, summarise, table } from "./report.ts";
import { type Outcome, runScenario } from "./rounds.ts";
import { quickScenarios, type Scenario, scenarios, small } from "./scenarios.ts";

const { values: flags } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    noisy: { type: "boolean", default: false },
    runs: { type: "string" },
    clients: { type: "string" },
    scenarios: { type: "string" },
  },
});
const here = import.meta.dirname;
const root = process.env["BT_EFFECT_BENCH_FOLDER"] ?? "/dev/shm/bt-effect-bench";
/** Where the output goes that is to go to a disk. */
const disk = process.env["BT_EFFECT_BENCH_DISK"] ?? join(tmpdir(), "bt-effect-bench");
const rounds = Number(flags.runs ?? (flags.quick ? 1 : 5));
const wantedClients = flags.clients?.split(",");
const wantedScenarios = flags.scenarios?.split(",");
const say = (line: string): void => void process.stderr.write(`${line}\n`);
const whole = !flags.quick && wantedClients === undefined && wantedScenarios === undefined;
/** What is measured apart from the scenarios. */
const asked = (name: string): boolean => whole || wantedScenarios?.includes(name) === true;

// What has to be installed first needs the network that is about to be left.
for (const { name, version } of clients.filter(({ name }) => wantedClients?.includes(name) ?? !flags.quick))
  try {
    version();
  } catch {
    say(`${name} cannot be run here`);
  }
const network = await enterNetwork();

/** Seconds of `--version` and of a bare Node, medians. */
const startup = (): { readonly program: number; readonly bare: number } => {
  const time = (args: ReadonlyArray<string>): number => {
    const start = performance.now();
    const { status } = spawnSync(process.execPath, args, { stdio: "ignore" });
    return status === 0 ? (performance.now() - start) / 1000 : NaN;
  };
  const pairs = Array.from({ length: 11 }, () => [time([program, "--version"]), time(["-e", "0"])] as const);
  return { program: median(pairs.map(([ours]) => ours)), bare: median(pairs.map(([, bare]) => bare)) };
};

/** As `statfs` tells it: a file system in memory. */
const inMemory = 0x01021994;

const run = (scenario: Scenario): Promise<Outcome> => {
  const outputs = scenario.disk === true ? disk : root;
  for (const folder of [root, outputs]) mkdirSync(folder, { recursive: true });
  if (scenario.disk === true && statfsSync(disk).type === inMemory) {
    const failure = `${disk} is in memory: name a folder on a disk in BT_EFFECT_BENCH_DISK`;
    const runs = (scenario.clients ?? []).map((client) => ({ ...failed(failure), client, scenario: scenario.name }));
    const rows = runs.map((one) => summarise(scenario, one.client, [one]));
    return Promise.resolve({ scenario, rows, runs, versions: {}, other: "nobody" });
  }
  return runScenario(scenario, {
    network,
    root,
    outputs,
    rounds,
    noisy: flags.noisy || flags.quick,
    clients: wantedClients,
  });
};

const chosen = flags.quick
  ? quickScenarios
  : scenarios.filter(({ name, optional }) => wantedScenarios?.includes(name) ?? optional !== true);
const outcomes: Array<Outcome> = [];
/** Runs of the cipher alone, before and after what it is compared with: a machine's speed changes within minutes. */
const ciphers: Record<Loop, Array<number>> = { plain: [], ours: [] };
const timeCipher = async (): Promise<void> => {
  for (let run = 0; run < 3; run++)
    for (const loop of ["plain", "ours"] as const) ciphers[loop].push(await cipherSeconds(loop));
};
for (const scenario of chosen) {
  if (scenario.wire === "rc4") await timeCipher();
  const outcome = await run(scenario);
  outcomes.push(outcome);
  if (scenario.wire === "rc4") await timeCipher();
  console.log(`${table(scenario, outcome.rows, outcome.other)}\n`);
}
const rows = outcomes.flatMap((outcome) => outcome.rows);
const hashing = asked("hashing") ? await measureHashing({ root, rounds, say }) : undefined;
if (hashing !== undefined) console.log(`${hashing.table}\n`);
const started = asked("start-up") ? startup() : undefined;
if (started !== undefined)
  console.log(
    `### start-up\n\n\`node dist/main.js --version\` ${(started.program * 1000).toFixed(0)} ms, \`node -e 0\` ${(started.bare * 1000).toFixed(0)} ms\n`,
  );
const idle = asked("idle")
  ? await measureIdle(makePayload(join(root, "payloads"), small), { network, root, outputs: root })
  : undefined;
if (idle !== undefined)
  console.log(
    `### idle\n\nA seed takes ${idle.one.toFixed(0)} MiB with 1 idle peer and ${idle.many.toFixed(0)} MiB with ${idlePeers}.\n`,
  );
const cipher = ciphers.ours.length > 0 ? { plain: median(ciphers.plain), ours: median(ciphers.ours) } : undefined;
if (cipher !== undefined)
  console.log(
    `### cipher\n\nBare loops of RC4, CPU s per GiB on each of two cores: ${cipher.plain.toFixed(2)} in plain JavaScript, ${cipher.ours.toFixed(2)} as the program has it.\n`,
  );
const found = bars(rows, {
  startup: started === undefined ? NaN : started.program / started.bare,
  idle: idle === undefined ? NaN : idle.many - idle.one,
  cipher: cipher?.ours ?? NaN,
});
const lines = barTable(found, whole);
if (lines !== undefined) console.log(`${lines}\n`);

const time = new Date().toISOString();
const versions = Object.assign({}, ...outcomes.map((outcome) => outcome.versions)) as Record<string, string>;
const machine = `${cpus()[0]?.model ?? "unknown"}, ${cpus().length} cores, Node ${process.version}`;
console.log(
  `${machine}; ${network.what}. bt-effect and the floor were started as \`node dist/main.js\` and \`node …mjs\`, the others by their own names; medians of up to ${rounds} interleaved runs, wall clock from spawn to each program's own sign that it is done.\n${[...new Set(Object.values(versions))].join(", ")}.`,
);
mkdirSync(join(here, "results"), { recursive: true });
writeFileSync(
  join(here, "results", `${time.replaceAll(":", "-")}.json`),
  `${JSON.stringify({ time, machine, network: network.what, versions, rows, bars: found, hashing: hashing?.rows, startup: started, idle, runs: outcomes.flatMap(({ runs }) => runs) }, null, 2)}\n`,
);
if (whole) writeFileSync(join(here, "../docs/bench.svg"), chart(rows));
network.close();
process.exitCode = [...rows, ...(hashing?.rows ?? [])].some(({ failure }) => failure !== undefined) ? 1 : 0;
