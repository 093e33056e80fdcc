/** Starts one program with its settings and its log, and stops it: what measuring a leecher and a seeder have in common. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import type { Command, Job } from "./programs/program.ts";

/** A program that needs more than this after it was asked to end is ended. */
const graceMillis = 15_000;

/** What must not outlive this process: programs, and folders in memory. */
const running = new Set<ChildProcess>();
const folders = new Set<string>();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.once(signal, () => {
    for (const child of running) child.kill("SIGKILL");
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    process.exit(1);
  });

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });

/** The folders of one run. */
export interface Workplace extends Pick<Job, "folder" | "home" | "port" | "controlPort" | "hook"> {
  /** Resolves when the hook was run. */
  readonly hooked: Promise<void>;
  /** What the program printed, the end of it. */
  readonly said: () => string;
  readonly log: string;
  readonly remove: () => void;
}

/** An empty workplace in `root`; the output goes to a folder in `outputs`. */
export const workplace = async (root: string, outputs: string): Promise<Workplace> => {
  const work = mkdtempSync(join(root, "run-"));
  const output = mkdtempSync(join(outputs, "out-"));
  for (const folder of [work, output]) folders.add(folder);
  const [home, signs, log] = [join(work, "home"), join(work, "signs"), join(work, "log")];
  mkdirSync(home);
  mkdirSync(signs);
  const hook = join(work, "hook");
  writeFileSync(hook, `#!/bin/sh\necho > ${join(signs, "done")}\n`, { mode: 0o755 });
  const hooked = Promise.withResolvers<void>();
  const watcher = watch(signs, () => hooked.resolve());
  return {
    folder: output,
    home,
    port: await freePort(),
    controlPort: await freePort(),
    hook,
    hooked: hooked.promise,
    said: () => readFileSync(log, "utf8").slice(-2000),
    log,
    remove: () => {
      watcher.close();
      for (const folder of [work, output]) {
        rmSync(folder, { recursive: true, force: true });
        folders.delete(folder);
      }
    },
  };
};

/** A program that runs. */
export interface Launched {
  readonly child: ChildProcess;
  /** Why it ended, or nothing for status 0. */
  readonly ended: Promise<string | undefined>;
  /** Asks it to end, and ends it when it does not. */
  readonly stop: () => Promise<void>;
}

/** Starts `command` with its output in the file `log`. */
export const launch = (command: Command, log: string): Launched => {
  for (const [path, content] of Object.entries(command.files ?? {})) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
  const output = openSync(log, "w");
  const child = spawn(command.file, command.args, {
    stdio: ["ignore", output, output],
    env: { ...process.env, ...command.env },
  });
  closeSync(output);
  running.add(child);
  const ended = new Promise<string | undefined>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (status, signal) => resolve(status === 0 ? undefined : `ended with ${status ?? signal}`));
  });
  void ended.then(() => running.delete(child));
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    const impatience = setTimeout(() => child.kill("SIGKILL"), graceMillis);
    await ended;
    clearTimeout(impatience);
  };
  return { child, ended, stop };
};
