/**
 * Runs the program as this process: signals in, status out. The first SIGINT, SIGTERM or SIGHUP interrupts the program, which then puts
 * everything in order within 3 s; the second one ends the process at once.
 */
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import { EXIT } from "../schema/errors/code.ts";
import type { StopSignal } from "./exit.ts";
import { endingOf, signalStatus } from "./exit.ts";
import { program } from "./program.ts";

/** An orderly stop takes no longer, ms; a little less than the 3 s that are promised, for the end of the process itself. */
const STOP_LIMIT = 2_800;

/** Ends the process once all that was written is out of our hands, whether it could be written or not. */
const leave = (status: number): void => {
  process.stdout.write("", () => void process.stderr.write("", () => process.exit(status)));
};

/** Starts the program with the words after its name; ends the process when it is done. */
export const start = (args: ReadonlyArray<string>): void => {
  let signal: StopSignal | undefined;
  const fiber = Effect.runFork(program(args, process.env));
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      if (signal !== undefined) process.exit(signalStatus(name));
      signal = name;
      fiber.interruptUnsafe();
      setTimeout(() => process.exit(signalStatus(name)), STOP_LIMIT).unref();
    });
  }
  fiber.addObserver((exit) => {
    if (Exit.isSuccess(exit)) return leave(EXIT.ok);
    const { status, line } = endingOf(exit.cause, signal);
    if (line !== undefined) process.stderr.write(line);
    leave(status);
  });
};
