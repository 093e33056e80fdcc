/** How the program's end is told: the one line on stderr and the status, for every way it can end. Pure. */
import * as Cause from "effect/Cause";
import * as Option from "effect/Option";
import type { Explained } from "../schema/errors/code.ts";
import { EXIT, exitStatus } from "../schema/errors/code.ts";
import { printable } from "./display/text.ts";

/** What is left to say and the status to end with. */
export interface Ending {
  readonly status: number;
  /** For stderr, with its line end; absent when all was said. */
  readonly line?: string;
}

/** A signal that asks the program to end. */
export type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

/** The status after a signal: that of SIGHUP is SIGTERM's. */
export const signalStatus = (signal: StopSignal): number => (signal === "SIGINT" ? EXIT.interrupted : EXIT.terminated);

/** Why a run was interrupted, if it was. */
export interface Stop {
  readonly signal?: StopSignal | undefined;
  /** Nothing was left undone. */
  readonly harmless?: boolean;
}

/** The ending for a run that did not succeed. */
export const endingOf = (cause: Cause.Cause<Explained>, { harmless, signal }: Stop = {}): Ending => {
  const failure = Cause.findErrorOption(cause);
  if (Option.isSome(failure)) {
    return { status: exitStatus(failure.value), line: `bt-effect: ${printable(failure.value.message)}\n` };
  }
  if (Cause.hasInterruptsOnly(cause)) return { status: harmless === true ? EXIT.ok : signalStatus(signal ?? "SIGINT") };
  const defect = Cause.squash(cause);
  const what = (defect instanceof Error ? defect.message : String(defect)).split("\n", 1)[0] ?? "";
  return {
    status: EXIT.other,
    line: `bt-effect: ${printable(what)} (this is a bug in bt-effect; --debug shows where)\n`,
  };
};
