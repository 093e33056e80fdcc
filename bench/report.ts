/** Turns runs into medians, and medians into tables. */
import type { Measured } from "./measure.ts";
import type { Scenario } from "./scenarios.ts";

/** One run of one client. */
export interface Run extends Measured {
  readonly client: string;
  readonly scenario: string;
}

/** The runs of one client in one scenario, put together: medians, but for the memory, which is the peak of all. */
export interface Row {
  readonly client: string;
  readonly scenario: string;
  readonly runs: number;
  readonly wallSeconds: number;
  readonly fastestSeconds: number;
  readonly slowestSeconds: number;
  readonly mebibytesPerSecond: number;
  readonly cpuSecondsPerGiB: number;
  readonly peakAnonMiB: number;
  readonly lineShare: number;
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
  const walls = runs.map((run) => run.wallSeconds);
  const wallSeconds = median(walls);
  const failure = runs.find((run) => run.failure !== undefined)?.failure;
  return {
    client,
    scenario: scenario.name,
    runs: runs.length,
    wallSeconds,
    fastestSeconds: Math.min(...walls),
    slowestSeconds: Math.max(...walls),
    mebibytesPerSecond: total / mebibyte / wallSeconds,
    cpuSecondsPerGiB: median(runs.map((run) => run.cpuSeconds)) / (total / mebibyte / 1024),
    peakAnonMiB: Math.max(...runs.map((run) => run.peakAnonMiB)),
    lineShare: median(runs.flatMap(({ lineShare }) => lineShare ?? [])),
    ...(failure === undefined ? {} : { failure }),
  };
};

/** A number, or a dash where there is none. */
const figure = (value: number, digits: number): string => (Number.isFinite(value) ? value.toFixed(digits) : "–");

/** A markdown table of one scenario; the fastest comes first. `other` is who was at the other end. */
export const table = (scenario: Scenario, rows: ReadonlyArray<Row>, other: string): string => {
  const tiny = scenario.payload.size < mebibyte;
  const floor = rows.find(({ client, failure }) => client === "floor" && failure === undefined);
  const headings = ["client", "runs", "wall s", "fastest", "slowest"];
  if (!tiny) headings.push("MiB/s", "CPU s per GiB", "CPU to the floor");
  headings.push("peak anonymous MiB");
  if (scenario.line !== undefined) headings.push("% of the line after 2 s");
  const digits = tiny ? 3 : 2;
  const lines = rows
    .toSorted(
      (a, b) =>
        (a.failure === undefined ? a.wallSeconds : Infinity) - (b.failure === undefined ? b.wallSeconds : Infinity),
    )
    .map((row) => {
      if (row.failure !== undefined)
        return [row.client, `failed: ${row.failure.replaceAll("|", "/")}`, ...headings.slice(2).map(() => "")];
      const cells = [row.client, String(row.runs)];
      cells.push(...[row.wallSeconds, row.fastestSeconds, row.slowestSeconds].map((value) => figure(value, digits)));
      if (!tiny)
        cells.push(
          figure(row.mebibytesPerSecond, 0),
          figure(row.cpuSecondsPerGiB, 2),
          figure(row.cpuSecondsPerGiB / (floor?.cpuSecondsPerGiB ?? NaN), 2),
        );
      cells.push(figure(row.peakAnonMiB, 0));
      if (scenario.line !== undefined) cells.push(figure(100 * row.lineShare, 0));
      return cells;
    });
  return [
    `### ${scenario.name}: ${scenario.title}`,
    ...(other === "nobody" ? [] : ["", `The other end: ${other}.`]),
    "",
    `| ${headings.join(" | ")} |`,
    `| --- | ${headings
      .slice(1)
      .map(() => "---:")
      .join(" | ")} |`,
    ...lines.map((cells) => `| ${cells.join(" | ")} |`),
  ].join("\n");
};
