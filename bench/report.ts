/** Turns runs into medians, tables and the bars that the project set itself. */
import type { Measured } from "./measure.ts";
import type { Scenario } from "./scenarios.ts";

/** One run of one client. */
export interface Run extends Measured {
  readonly client: string;
  readonly scenario: string;
}

/** The runs of one client in one scenario, put together. */
export interface Row {
  readonly client: string;
  readonly scenario: string;
  readonly runs: number;
  readonly wallSeconds: number;
  readonly mebibytesPerSecond: number;
  readonly cpuSecondsPerGiB: number;
  readonly peakAnonMiB: number;
  readonly failure?: string;
}

const mebibyte = 1024 * 1024;

/** The middle value; NaN of nothing. */
export const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
};

/** Medians of one client's runs; failed when any of them failed. */
export const summarise = (scenario: Scenario, client: string, runs: ReadonlyArray<Run>): Row => {
  const total = scenario.payload.size * scenario.payload.repeat;
  const wallSeconds = median(runs.map((run) => run.wallSeconds));
  const failure = runs.find((run) => run.failure !== undefined)?.failure;
  return {
    client,
    scenario: scenario.name,
    runs: runs.length,
    wallSeconds,
    mebibytesPerSecond: total / mebibyte / wallSeconds,
    cpuSecondsPerGiB: median(runs.map((run) => run.cpuSeconds)) / (total / mebibyte / 1024),
    peakAnonMiB: Math.max(...runs.map((run) => run.peakAnonMiB)),
    ...(failure === undefined ? {} : { failure }),
  };
};

const times = (value: number): string => (Number.isFinite(value) ? `${value.toFixed(2)}×` : "–");

/** A markdown table of one scenario; speed and processor time also relative to webtorrent where it ran. */
export const table = (scenario: Scenario, rows: ReadonlyArray<Row>): string => {
  const tiny = scenario.payload.size < mebibyte;
  const base = rows.find((row) => row.client === "webtorrent" && row.failure === undefined);
  const lines = rows.map((row) => {
    if (row.failure !== undefined) return `| ${row.client} | failed: ${row.failure} | | | | | |`;
    const cells = [
      row.client,
      row.wallSeconds.toFixed(tiny ? 3 : 2),
      tiny ? "–" : row.mebibytesPerSecond.toFixed(0),
      times((base?.wallSeconds ?? NaN) / row.wallSeconds),
      tiny ? "–" : row.cpuSecondsPerGiB.toFixed(2),
      tiny ? "–" : times(row.cpuSecondsPerGiB / (base?.cpuSecondsPerGiB ?? NaN)),
      row.peakAnonMiB.toFixed(0),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  return [
    `### ${scenario.title}`,
    "",
    "| client | wall s | MiB/s | speed to webtorrent | CPU s per GiB | CPU to webtorrent | peak anonymous MiB |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ...lines,
  ].join("\n");
};

/** The bars, each with what was measured; those whose rows are missing are left out. */
export const bars = (rows: ReadonlyArray<Row>, startup: number | undefined): ReadonlyArray<string> => {
  const row = (scenario: string, client = "bt-effect"): Row | undefined =>
    rows.find((one) => one.scenario === scenario && one.client === client && one.failure === undefined);
  const lines: Array<string> = [];
  const bar = (what: string, value: number | undefined, holds: (value: number) => boolean): void => {
    if (value !== undefined && Number.isFinite(value))
      lines.push(`- ${holds(value) ? "met" : "MISSED"}: ${what}: ${value.toFixed(2)}`);
  };
  const ratio = (above: number | undefined, below: number | undefined): number | undefined =>
    above === undefined || below === undefined ? undefined : above / below;
  const wall = (scenario: string, client?: string): number | undefined => row(scenario, client)?.wallSeconds;
  bar(
    "speed to webtorrent, 1 peer, at least 2",
    ratio(wall("one-peer", "webtorrent"), wall("one-peer")),
    (x) => x >= 2,
  );
  bar(
    "speed to webtorrent, 8 peers, at least 4",
    ratio(wall("eight-peers", "webtorrent"), wall("eight-peers")),
    (x) => x >= 4,
  );
  for (const scenario of ["one-peer", "eight-peers"]) {
    const cpu = ratio(row(scenario)?.cpuSecondsPerGiB, row(scenario, "webtorrent")?.cpuSecondsPerGiB);
    bar(`CPU to webtorrent, ${scenario}, at most 0.5`, cpu, (x) => x <= 0.5);
    bar(`peak anonymous MiB, ${scenario}, at most 150`, row(scenario)?.peakAnonMiB, (x) => x <= 150);
  }
  bar("speed to webtorrent, as a seeder, at least 2", ratio(wall("seed", "webtorrent"), wall("seed")), (x) => x >= 2);
  bar(
    "CPU to webtorrent, as a seeder, at most 0.5",
    ratio(row("seed")?.cpuSecondsPerGiB, row("seed", "webtorrent")?.cpuSecondsPerGiB),
    (x) => x <= 0.5,
  );
  bar(
    "peak memory of 8 GiB to 1 GiB, at most 1.1",
    ratio(row("memory")?.peakAnonMiB, row("one-peer")?.peakAnonMiB),
    (x) => x <= 1.1,
  );
  bar("time to webtorrent, 16 KiB, at most 1", ratio(wall("tiny"), wall("tiny", "webtorrent")), (x) => x <= 1);
  bar("start-up of --version to bare Node, at most 4", startup, (x) => x <= 4);
  return lines;
};
