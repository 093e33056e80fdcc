/** Processor time and memory of programs, from what Linux tells in /proc. */
import { readdirSync, readFileSync } from "node:fs";

const ticksPerSecond = 100;

/** The numeric fields of a stat file of /proc after the command's name, which may hold anything. */
const fields = (path: string): ReadonlyArray<number> => {
  const text = readFileSync(path, "utf8");
  return text
    .slice(text.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
};

/** The sum of these fields; 0 once the process is gone. */
const sumOf = (pid: number | "self", places: ReadonlyArray<number>): number => {
  try {
    const all = fields(`/proc/${pid}/stat`);
    return places.reduce((sum, at) => sum + (all[at] ?? 0), 0);
  } catch {
    return 0;
  }
};
/** User and system time: of the process itself, and of the children it has waited for. */
const [itself, waitedFor] = [
  [11, 12],
  [13, 14],
];

/** Processes that `pid` started and that still run. */
const childrenOf = (pid: number): ReadonlyArray<number> => {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
};

/** Processor seconds that a process and those it started used, those that ended included. */
export const treeSeconds = (pid: number): number =>
  childrenOf(pid).reduce(
    (sum, child) => sum + treeSeconds(child),
    sumOf(pid, [...itself, ...waitedFor]) / ticksPerSecond,
  );

/** Anonymous memory of a process and those it started; 0 once it is gone. */
export const anonMiB = (pid: number): number => {
  let own = 0;
  try {
    own = Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
  } catch {
    // It is gone.
  }
  return childrenOf(pid).reduce((sum, child) => sum + anonMiB(child), own);
};

/** Processor seconds of all the children this process has waited for, and of theirs. */
export const childSeconds = (): number => sumOf("self", waitedFor) / ticksPerSecond;

/** Processor seconds in which any processor of the machine was busy. */
const machineSeconds = (): number => {
  const line = readFileSync("/proc/stat", "utf8").split("\n", 1)[0] ?? "";
  const [user = 0, nice = 0, system = 0, , , interrupt = 0, soft = 0, stolen = 0] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + interrupt + soft + stolen) / ticksPerSecond;
};

/** Starts to watch what others take: gives the share of the machine, 0 to 1, that neither the measured, nor the helpers, nor this process used. */
export const watchOthers = (helpers: ReadonlyArray<number>): ((measuredSeconds: number) => number) => {
  const known = (): number =>
    helpers.reduce((sum, pid) => sum + treeSeconds(pid), sumOf("self", itself) / ticksPerSecond);
  const before = machineSeconds() - known();
  const start = performance.now();
  return (measuredSeconds) => {
    const others = machineSeconds() - known() - before - measuredSeconds;
    const wall = (performance.now() - start) / 1000;
    return Math.max(0, others / wall / navigator.hardwareConcurrency);
  };
};
