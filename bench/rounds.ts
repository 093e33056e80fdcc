/** Runs one scenario: its clients one after the other, round after round, each run of a noisy machine again. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { clients } from "./clients.ts";
import { measureChecking, measureFetching, startSwarm, type Surroundings, type Swarm } from "./fetching.ts";
import { failed, type Measured } from "./measure.ts";
import { makePayload } from "./payload.ts";
import type { Client } from "./programs/program.ts";
import { type Row, type Run, summarise } from "./report.ts";
import type { Scenario } from "./scenarios.ts";
import { cheapLeecher, measureSeeding } from "./seeding.ts";

/** A run with more of the machine taken by others than this is repeated, twice at most; the quietest counts. */
const maxNoise = 0.15;
/** A client that takes longer than this is measured once: its row is decided, and the whole must end the same day. */
const patienceSeconds = 10;

/** What holds for all scenarios. */
export interface Plan extends Surroundings {
  readonly rounds: number;
  /** Runs count as they come, however busy the machine was. */
  readonly noisy: boolean;
  /** Clients by name; those of the scenario when absent. */
  readonly clients: ReadonlyArray<string> | undefined;
}

/** What came out. */
export interface Outcome {
  readonly scenario: Scenario;
  readonly rows: ReadonlyArray<Row>;
  readonly runs: ReadonlyArray<Run>;
  /** By client. */
  readonly versions: Readonly<Record<string, string>>;
  /** Who was at the other end. */
  readonly other: string;
}

const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** The clients that the plan and the scenario name and that do such things. */
const chosen = (scenario: Scenario, plan: Plan): ReadonlyArray<Client> =>
  clients
    .filter(({ name, onlyWhereNamed }) => scenario.clients?.includes(name) ?? onlyWhereNamed !== true)
    .filter(({ name }) => plan.clients?.includes(name) ?? true)
    .filter((client) => client[scenario.task] !== undefined && (client.magnets || scenario.magnet !== true));

const why = (error: unknown): string =>
  error instanceof Error ? (error.message.split("\n", 1)[0] ?? "") : String(error);

const shown = ({ wallSeconds, cpuSeconds, peakAnonMiB, noise, failure }: Measured): string =>
  failure ??
  `${wallSeconds.toFixed(3)} s, CPU ${cpuSeconds.toFixed(2)} s, ${peakAnonMiB.toFixed(0)} MiB, others ${(100 * noise).toFixed(0)} %`;

/** Runs all of a scenario's rounds. */
export const runScenario = async (scenario: Scenario, plan: Plan): Promise<Outcome> => {
  const folder = join(plan.root, "payloads");
  mkdirSync(plan.outputs, { recursive: true });
  const payload = makePayload(folder, scenario.payload);
  const wanted = chosen(scenario, plan);
  const unusable = new Map<string, string>();
  const versions: Record<string, string> = {};
  for (const { name, version, loopback } of wanted) {
    try {
      versions[name] = version();
      if (plan.network.shared !== undefined && loopback !== undefined)
        unusable.set(name, `${loopback}, and ${plan.network.shared}`);
    } catch (error) {
      unusable.set(name, why(error));
    }
  }
  let swarm: Swarm | undefined;
  const once = async (client: Client): Promise<Measured> => {
    if (scenario.task === "seed") return measureSeeding(client, scenario, payload, plan);
    if (scenario.task === "check") return measureChecking(client, scenario, payload, plan);
    return swarm === undefined ? failed("no swarm") : measureFetching(client, scenario, payload, plan, swarm);
  };
  const quietest = async (client: Client): Promise<Measured> => {
    let best = await once(client);
    const noisy = (): boolean =>
      best.noise > maxNoise && best.failure === undefined && best.wallSeconds < patienceSeconds;
    for (let again = 0; again < 2 && !plan.noisy && noisy(); again++) {
      const next = await once(client);
      if (next.failure !== undefined || next.noise < best.noise) best = next;
    }
    return best;
  };
  const runs: Array<Run> = [];
  try {
    if (scenario.task === "fetch") swarm = await startSwarm(scenario, payload, plan.network, plan.root);
    const slow = new Set<string>();
    for (let round = 0; round < plan.rounds; round++)
      for (const client of wanted.filter(({ name }) => !unusable.has(name) && !slow.has(name))) {
        const measured = await quietest(client);
        if (measured.failure !== undefined || measured.wallSeconds > patienceSeconds) slow.add(client.name);
        say(`${scenario.name} ${round + 1}/${plan.rounds} ${client.name}: ${shown(measured)}`);
        runs.push({ ...measured, client: client.name, scenario: scenario.name });
      }
  } catch (error) {
    for (const { name } of wanted) if (!unusable.has(name)) unusable.set(name, why(error));
  } finally {
    await swarm?.stop();
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
  const leecher = scenario.leecher === "libtorrent" ? "libtorrent" : cheapLeecher();
  const other = scenario.task === "check" ? "nobody" : scenario.task === "seed" ? leecher : (swarm?.seeder ?? "nobody");
  return { scenario, rows, runs, versions, other };
};
