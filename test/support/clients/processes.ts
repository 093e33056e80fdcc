/**
 * Programs that run beside a test. Each has a session of its own (no controlling terminal), so that everything it starts can be ended with it.
 *
 * Life cycle: killed, with its children, when the scope ends.
 */
import { Deferred, Effect, type Scope } from "effect";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** How a program ended. */
export interface End {
  /** The status it exited with; `undefined` when a signal ended it. */
  readonly status: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  /** When, by `performance.now()`. */
  readonly at: number;
}

/** A program under way. */
export interface Running {
  readonly pid: number;
  /** What it printed so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly ended: Effect.Effect<End>;
  readonly kill: (signal: NodeJS.Signals) => Effect.Effect<void>;
  /** Writes to its stdin, if it was started with `typed`. */
  readonly type: (text: string) => Effect.Effect<void>;
  /**
   * Looks at what it printed, now and whenever it prints more, until there is something to give. Dies, with all that was printed, when the program
   * ends first or nothing is found in time.
   */
  readonly until: <A>(look: () => A | undefined) => Effect.Effect<A>;
  /** The same for a pattern in stdout or stderr. */
  readonly prints: (pattern: RegExp) => Effect.Effect<RegExpExecArray>;
}

/** What may be said about a program. */
export interface StartOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Written to its stdin; without it stdin is empty. */
  readonly input?: Uint8Array;
  /** Its stdin stays open for `type`. */
  readonly typed?: boolean;
  /** The user it runs as, by number; needs root. */
  readonly uid?: number;
}

/** Real programs are slow to start when six run on two cores; nothing takes this long unless it hangs. */
const PATIENCE = "60 seconds";

const killGroup = (child: ChildProcess, signal: NodeJS.Signals): void => {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It ended before the signal came: what was wanted.
  }
};

/** Starts a program. */
export const start = (
  file: string,
  args: ReadonlyArray<string>,
  options: StartOptions = {},
): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.gen(function* () {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(file, args, {
          cwd: options.cwd,
          env: { PATH: process.env.PATH, LANG: "C.UTF-8", ...options.env },
          stdio: ["pipe", "pipe", "pipe"],
          detached: true,
          ...(options.uid !== undefined && { uid: options.uid }),
        }),
      ),
      (child) =>
        Effect.promise(async () => {
          killGroup(child, "SIGKILL");
          if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
            await once(child, "exit");
        }),
    );
    const printed = { stdout: "", stderr: "" };
    const lookers = new Set<() => void>();
    const wake = (): void => {
      for (const look of lookers) look();
    };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (text: string) => {
        printed[name] += text;
        wake();
      });
    }
    // A program that is gone reads no more: that is seen from its end.
    child.stdin.on("error", () => undefined);
    if (options.typed !== true) child.stdin.end(options.input);

    const end = Deferred.makeUnsafe<End>();
    let at = 0;
    child.on("exit", () => {
      at = performance.now();
    });
    // `close` comes when all that was printed is here, too.
    child.on("close", (status, signal) => {
      Deferred.doneUnsafe(end, Effect.succeed({ status: status ?? undefined, signal: signal ?? undefined, at }));
    });
    child.on("error", (error) => Deferred.doneUnsafe(end, Effect.die(error)));

    const told = () => `${file} ${args.join(" ")}\nstdout: ${printed.stdout}\nstderr: ${printed.stderr}`;
    const until = <A>(look: () => A | undefined): Effect.Effect<A> => {
      const found = Effect.callback<A>((resume) => {
        const tryLook = (): void => {
          const value = look();
          if (value === undefined) return;
          lookers.delete(tryLook);
          resume(Effect.succeed(value));
        };
        lookers.add(tryLook);
        tryLook();
        return Effect.sync(() => void lookers.delete(tryLook));
      });
      const endedFirst = Effect.flatMap(Deferred.await(end), ({ status, signal }) => {
        const last = look();
        return last === undefined
          ? Effect.die(new Error(`ended first (${status ?? signal}): ${told()}`))
          : Effect.succeed(last);
      });
      return Effect.raceFirst(found, endedFirst).pipe(
        Effect.timeoutOrElse({
          duration: PATIENCE,
          orElse: () => Effect.die(new Error(`not within ${PATIENCE}: ${told()}`)),
        }),
      );
    };
    return {
      pid: child.pid ?? 0,
      stdout: () => printed.stdout,
      stderr: () => printed.stderr,
      ended: Deferred.await(end),
      kill: (signal) => Effect.sync(() => void child.kill(signal)),
      type: (text) => Effect.sync(() => void child.stdin.write(text)),
      until,
      prints: (pattern) => until(() => pattern.exec(printed.stdout) ?? pattern.exec(printed.stderr) ?? undefined),
    };
  });
