/** The built program, each run with folders of its own for state, configuration and home. */
import { Effect, Schema, type Scope } from "effect";
import { join } from "node:path";
import { inject } from "vitest";
import { EventLine, type EventJson } from "../../../src/schema/eventsJson.ts";
import { emptyFolder } from "./folder.ts";
import { type Running, type StartOptions, start } from "./processes.ts";

/** Where a user of the program lives: the same home, the same state. */
export interface Home {
  readonly folder: string;
  /** Where downloads go: an empty folder at first. */
  readonly out: (name: string) => string;
  readonly env: Readonly<Record<string, string>>;
}

/** The script that starts the program. */
export const programPath = (): string => join(inject("program"), "main.js");

/** A new user. */
export const makeHome: Effect.Effect<Home, never, Scope.Scope> = Effect.map(emptyFolder, (folder) => ({
  folder,
  out: (name) => join(folder, name),
  env: {
    HOME: folder,
    XDG_STATE_HOME: join(folder, ".state"),
    XDG_CONFIG_HOME: join(folder, ".config"),
    // Tests stay on this machine; those of the DHT turn it on and name their own nodes.
    BT_EFFECT_NO_DHT: "true",
    BT_EFFECT_NO_LSD: "true",
    BT_EFFECT_NO_PORT_MAPPING: "true",
    // A free one: what is remembered may meanwhile be another's, who got it from the system.
    BT_EFFECT_PORT: "0",
    // Compiled code only, shared so that every start but the first is as quick as a user's.
    XDG_CACHE_HOME: join(inject("program"), "cache"),
  },
}));

/** Starts the program; it works in the home. */
export const btEffect = (
  home: Home,
  args: ReadonlyArray<string>,
  options: StartOptions = {},
): Effect.Effect<Running, never, Scope.Scope> =>
  start(process.execPath, [programPath(), ...args], {
    cwd: home.folder,
    ...options,
    env: { ...home.env, ...options.env },
  });

/** A run that is over. */
export interface Finished {
  readonly status: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program to its end. */
export const runProgram = (home: Home, args: ReadonlyArray<string>, options: StartOptions = {}) =>
  Effect.scoped(
    Effect.gen(function* () {
      const running = yield* btEffect(home, args, options);
      return yield* finished(running);
    }),
  );

/** Waits for the end and gives all there is to know. */
export const finished = (running: Running): Effect.Effect<Finished> =>
  Effect.map(running.ended, ({ status, signal }) => ({
    status,
    signal,
    stdout: running.stdout(),
    stderr: running.stderr(),
  }));

const decodeLine = Schema.decodeUnknownSync(EventLine);

/** The events that `--json` printed so far; a line that does not decode fails the test. */
export const eventsOf = (stdout: string): ReadonlyArray<EventJson> =>
  stdout
    .split("\n")
    .slice(0, -1)
    .map((line) => decodeLine(line));

/** The events of one kind. */
export const eventsOfType = <T extends EventJson["type"]>(
  stdout: string,
  type: T,
): ReadonlyArray<Extract<EventJson, { readonly type: T }>> =>
  eventsOf(stdout).filter((event): event is Extract<EventJson, { readonly type: T }> => event.type === type);

/**
 * Bytes that the second of two runs of a download fetched although the first had told that they were there. What was under way to the first is not counted: how
 * much that is, is up to its peers.
 */
export const fetchedAgain = (first: string, second: string): number => {
  const told = eventsOfType(first, "progress").at(-1);
  const [complete] = eventsOfType(second, "complete");
  if (told === undefined || complete === undefined)
    throw new Error("the first run told no progress, or the second did not complete");
  return complete.downloaded - (told.total - told.done);
};
