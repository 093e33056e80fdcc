/** Runs one program to its end and measures it: wall clock, processor time and peak anonymous memory of it and all its children (Linux). */
import { spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";

/** What to run. */
export interface Command {
  readonly file: string;
  readonly args: ReadonlyArray<string>;
  readonly env?: Readonly<Record<string, string>>;
}

/** What came out. */
export interface Measured {
  /** From before the spawn to the exit. */
  readonly wallSeconds: number;
  /** User and system time of the process and of every child it waited for; the clock ticks 100 times a second. */
  readonly cpuSeconds: number;
  /** Peak of RssAnon over the process tree, looked at every 100 ms; 0 for programs that end sooner. */
  readonly peakAnonMiB: number;
  /** Share of the machine's processor time that others took meanwhile, 0 to 1. */
  readonly noise: number;
  /** Why it failed; absent when it ended with 0. */
  readonly failure?: string;
}

/** Ticks in which Linux counts processor time. */
export const ticksPerSecond = 100;
const sampleMillis = 100;

/** The numeric fields of a stat file of /proc after the command's name, which may hold anything. */
const fields = (path: string): ReadonlyArray<number> => {
  const text = readFileSync(path, "utf8");
  return text
    .slice(text.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
};

/** Ticks a process used itself; 0 once it is gone. */
const ownTicks = (pid: number | "self"): number => {
  try {
    const all = fields(`/proc/${pid}/stat`);
    return (all[11] ?? 0) + (all[12] ?? 0);
  } catch {
    return 0;
  }
};

/** Ticks of all the children this process has waited for, and of theirs. */
const childTicks = (): number => {
  const all = fields("/proc/self/stat");
  return (all[13] ?? 0) + (all[14] ?? 0);
};

/** Ticks in which any processor of the machine was busy. */
const machineTicks = (): number => {
  const line = readFileSync("/proc/stat", "utf8").split("\n", 1)[0] ?? "";
  const [user = 0, nice = 0, system = 0, , , interrupt = 0, soft = 0, stolen = 0] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return user + nice + system + interrupt + soft + stolen;
};

/** Processes that `pid` started and that still run. */
const childrenOf = (pid: number): ReadonlyArray<number> =>
  readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number),
  );

/** Ticks that a process and those it started used, itself and for those that ended. */
export const treeTicks = (pid: number): number => {
  try {
    const all = fields(`/proc/${pid}/stat`);
    const own = [11, 12, 13, 14].reduce((sum, at) => sum + (all[at] ?? 0), 0);
    return childrenOf(pid).reduce((sum, child) => sum + treeTicks(child), own);
  } catch {
    return 0;
  }
};

/** Anonymous memory of a process and those it started; 0 once it is gone. */
export const anonKiB = (pid: number): number => {
  try {
    const own = Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
    return childrenOf(pid).reduce((sum, child) => sum + anonKiB(child), own);
  } catch {
    return 0;
  }
};

/** Runs `command` with its output in the file `log`, for at most `limitSeconds`. `helpers` are processes whose work is not noise. */
export const measure = (
  command: Command,
  options: { readonly log: string; readonly limitSeconds: number; readonly helpers: ReadonlyArray<number> },
): Promise<Measured> =>
  new Promise((resolve) => {
    const log = openSync(options.log, "w");
    const helperTicks = (): number => options.helpers.reduce((sum, pid) => sum + ownTicks(pid), ownTicks("self"));
    const before = { children: childTicks(), helpers: helperTicks(), machine: machineTicks() };
    const start = performance.now();
    const child = spawn(command.file, command.args, {
      stdio: ["ignore", log, log],
      env: { ...process.env, ...command.env },
    });
    let peakKiB = 0;
    let failure: string | undefined;
    const sampler = setInterval(() => {
      if (child.pid !== undefined) peakKiB = Math.max(peakKiB, anonKiB(child.pid));
    }, sampleMillis);
    const limit = setTimeout(() => {
      failure = `not done after ${options.limitSeconds} s`;
      child.kill("SIGKILL");
    }, options.limitSeconds * 1000);
    const end = (reason: string | undefined): void => {
      const wallSeconds = (performance.now() - start) / 1000;
      clearInterval(sampler);
      clearTimeout(limit);
      closeSync(log);
      const used = childTicks() - before.children;
      const others = machineTicks() - before.machine - used - (helperTicks() - before.helpers);
      const cores = navigator.hardwareConcurrency;
      resolve({
        wallSeconds,
        cpuSeconds: used / ticksPerSecond,
        peakAnonMiB: peakKiB / 1024,
        noise: Math.max(0, others / ticksPerSecond / wallSeconds / cores),
        ...(reason === undefined ? {} : { failure: reason }),
      });
    };
    child.once("error", (error) => end(error.message));
    child.once("exit", (status, signal) =>
      end(failure ?? (status === 0 ? undefined : `ended with ${status ?? signal}`)),
    );
  });
