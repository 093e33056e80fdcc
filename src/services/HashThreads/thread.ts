/** Starts the threads of `worker.ts`; the launcher does too, before there is a program. */
import type { Worker } from "node:worker_threads";

/** By this a thread knows that it is one of these, and not one in which somebody runs the whole program. */
export const MARK = "bt-effect/hash-thread";

/** Starts a thread that runs the module at `address`. Throws where the system lets there be no more. */
export const startThread = (address: string): Worker => {
  const { Worker } = process.getBuiltinModule("node:worker_threads");
  return new Worker(new URL(address), { workerData: MARK, execArgv: [] });
};

/**
 * Starts a thread for a command that will want one, if it can be had: it is at work as soon as the main thread is. Whoever takes it has to look whether it still
 * runs. No process lasts for its sake.
 */
export const startEarly = (address: string): Worker | undefined => {
  if (process.getBuiltinModule("node:os").availableParallelism() === 1) return undefined;
  try {
    const thread = startThread(address);
    thread.on("error", () => undefined);
    thread.unref();
    return thread;
  } catch {
    // Then none will be had later either, and who asks is told.
    return undefined;
  }
};
