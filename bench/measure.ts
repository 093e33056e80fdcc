/** Runs one program until it is done and measures it: wall clock, processor time and peak anonymous memory of it and all its children (Linux). */
import { setTimeout as pause } from "node:timers/promises";
import { anonMiB, childSeconds, treeSeconds, watchOthers } from "./accounts.ts";
import { launch, type Launched } from "./launch.ts";
import type { Command } from "./programs/program.ts";

/** What came out. */
export interface Measured {
  /** From before the spawn to the program's own sign that it is done; NaN when it failed. */
  readonly wallSeconds: number;
  /** User and system time of the process and of its children; the clock ticks 100 times a second. */
  readonly cpuSeconds: number;
  /** Peak of RssAnon over the process tree, looked at every 100 ms; 0 for programs that end sooner. */
  readonly peakAnonMiB: number;
  /** Share of the machine's processor time that others took meanwhile, 0 to 1. */
  readonly noise: number;
  /** Share of a line's rate that came out of it later than 2 s after the start, 0 to 1; absent where there is no line, or no such time. */
  readonly lineShare?: number;
  /** Why it failed; absent when it is done. */
  readonly failure?: string;
}

const sampleMillis = 100;
const pollMillis = 20;

/** A run that gave nothing. */
export const failed = (failure: string): Measured => ({
  wallSeconds: NaN,
  cpuSeconds: NaN,
  peakAnonMiB: NaN,
  noise: 0,
  failure,
});

/** Looks at a process's memory until it is told the peak. */
export const watchMemory = (pid: number): (() => number) => {
  let peak = 0;
  const look = (): void => void (peak = Math.max(peak, anonMiB(pid)));
  const sampler = setInterval(look, sampleMillis);
  return () => {
    clearInterval(sampler);
    look();
    return peak;
  };
};

const untilDone = async (command: Command, { ended }: Launched, hooked: Promise<void>): Promise<string | undefined> => {
  const done = command.done ?? "exit";
  const begun = command.begin?.();
  if (done === "exit") return (await begun, ended);
  const over = new AbortController();
  const early = ended.then((why) => {
    over.abort();
    return why ?? "ended before it was done";
  });
  const poll = async (): Promise<undefined> => {
    await begun;
    if (done === "hook") return hooked.then(() => undefined);
    while (!over.signal.aborted && !(await done())) await pause(pollMillis);
  };
  return Promise.race([early, poll()]);
};

/** Runs `command` with its output in the file `log`, for at most `limitSeconds`. `helpers` are processes whose work is not noise. */
export const measure = async (
  command: Command,
  options: {
    readonly log: string;
    readonly limitSeconds: number;
    readonly helpers: ReadonlyArray<number>;
    /** Resolves when the command's hook was run; for those who have one. */
    readonly hooked?: Promise<void>;
  },
): Promise<Measured> => {
  const others = watchOthers(options.helpers);
  const before = childSeconds();
  const start = performance.now();
  const launched = launch(command, options.log);
  const pid = launched.child.pid ?? 0;
  const peak = watchMemory(pid);
  const limit = Promise.withResolvers<string>();
  const timer = setTimeout(
    () => limit.resolve(`not done after ${options.limitSeconds} s`),
    options.limitSeconds * 1000,
  );
  const failure = await Promise.race([
    untilDone(command, launched, options.hooked ?? new Promise<void>(() => undefined)),
    limit.promise,
  ]).catch((error: unknown) => String(error));
  const wallSeconds = (performance.now() - start) / 1000;
  clearTimeout(timer);
  // A process that was waited for counts among the children; one that still runs has to be asked.
  const cpuSeconds = treeSeconds(pid) + childSeconds() - before;
  const measured = { wallSeconds, cpuSeconds, peakAnonMiB: peak(), noise: others(cpuSeconds) };
  await launched.stop();
  return failure === undefined ? measured : failed(failure);
};
