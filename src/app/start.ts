/**
 * Runs the program as this process: signals in, status out. The first SIGINT, SIGTERM or SIGHUP interrupts the program, which then puts
 * everything in order within 3 s; the second one ends the process at once.
 */
import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Option from "effect/Option";
import { EXIT } from "../schema/errors/code.ts";
import type { StopSignal } from "./exit.ts";
import { endingOf, signalStatus } from "./exit.ts";
import { Interruption } from "./interruption.ts";
import { program } from "./program.ts";
import { lostLine } from "./stdout.ts";

/** An orderly stop takes no longer, ms; a little less than the 3 s that are promised, for the end of the process itself. */
const STOP_LIMIT = 2_800;

/** What is said when it took longer. */
const LATE = "bt-effect: stopped without waiting any longer for the disk; run the same command again to resume\n";

/** Ends the process once all that was written is out of our hands; where that failed although all else was well, says so. */
const leave = (status: number): void => {
  process.stdout.write("", () => {
    const line = status === EXIT.ok ? lostLine(process.stdout.errored) : undefined;
    process.stderr.write(line ?? "", () => process.exit(line === undefined ? status : EXIT.storage));
  });
};

/** Starts the program with the words after its name; ends the process when it is done. */
export const start = (args: ReadonlyArray<string>): void => {
  let signal: StopSignal | undefined;
  let crash: Cause.Cause<never> | undefined;
  const interruption = { harmless: false };
  const fiber = Effect.runFork(Effect.provideService(program(args, process.env), Interruption, interruption));
  const stop = (status: number) => {
    fiber.interruptUnsafe();
    // Outside of any fiber: the last resort when the orderly stop itself hangs.
    setTimeout(() => process.stderr.write(LATE, () => process.exit(status)), STOP_LIMIT);
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      if (signal !== undefined) process.exit(signalStatus(name));
      signal = name;
      stop(signalStatus(name));
    });
  }
  // Thrown outside of any fiber, by a callback of the platform: a bug, but what was fetched is worth an orderly stop.
  process.on("uncaughtException", (error) => {
    crash ??= Cause.die(error);
    if (args.includes("--debug")) process.stderr.write(`${error.stack ?? String(error)}\n`);
    stop(EXIT.other);
  });
  fiber.addObserver((exit) => {
    const cause = crash ?? Exit.getCause(exit).pipe(Option.getOrUndefined);
    if (cause === undefined) return leave(EXIT.ok);
    const { status, line } = endingOf(cause, { signal, harmless: interruption.harmless });
    if (line !== undefined) process.stderr.write(line);
    leave(status);
  });
};
