/** How every command speaks: the display and the log that its flags ask for. */
import * as Arr from "effect/Array";
import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import * as FileSystem from "effect/FileSystem";
import * as Layer from "effect/Layer";
import * as Logger from "effect/Logger";
import type * as LogLevel from "effect/LogLevel";
import * as Option from "effect/Option";
import type { PlatformError } from "effect/PlatformError";
import * as References from "effect/References";
import type { Explained } from "../schema/errors/code.ts";
import { Display } from "./display/Display.ts";
import * as DisplayLayers from "./display/Display.ts";
import { UsageError } from "./UsageError.ts";

/** The flags that say how to speak. */
export interface OutputFlags {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly debug: boolean;
  readonly logLevel: Option.Option<"trace" | "debug" | "info" | "warn" | "error" | "none">;
  readonly logFile: Option.Option<string>;
}

const levels = {
  trace: "Trace",
  debug: "Debug",
  info: "Info",
  warn: "Warn",
  error: "Error",
  none: "None",
} as const satisfies Record<string, LogLevel.LogLevel>;

/** Warnings as sentences, for people who asked for no log. */
const formatSentence = Logger.make<unknown, string>(({ logLevel, message }) => {
  const text = Arr.ensure(message).map(String).join(" ");
  return `${logLevel === "Warn" ? "warning" : logLevel.toLowerCase()}: ${text}`;
});

const screenLogger = (verbose: boolean) =>
  Effect.map(Display, ({ say }) => Logger.map(verbose ? Logger.formatLogFmt : formatSentence, say));

/** Why a file cannot be opened, for people. */
const whyNot = ({ reason }: PlatformError): string => {
  if (reason._tag === "NotFound") return "no such folder";
  if (reason._tag === "PermissionDenied") return "no permission";
  return reason.cause instanceof Error ? reason.cause.message : reason._tag;
};

const fileLogger = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem;
  // `toFile` opens it too, but what it fails with then says nothing of the flag.
  yield* Effect.scoped(fs.open(path, { flag: "a" })).pipe(
    Effect.mapError(
      (error) =>
        new UsageError({
          kind: "bad-value",
          problem: `--log-file ${path}: cannot be written (${whyNot(error)})`,
          hint: "name another file",
        }),
    ),
  );
  return yield* Effect.orDie(Logger.toFile(Logger.formatLogFmt, path, { flag: "a" }));
});

const logging = ({ debug, logFile, logLevel }: OutputFlags) => {
  const verbose = debug || Option.isSome(logLevel);
  const level = debug
    ? "Debug"
    : Option.match(logLevel, { onNone: () => "Warn" as const, onSome: (name) => levels[name] });
  return Layer.mergeAll(
    Option.isSome(logFile) ? Logger.layer([fileLogger(logFile.value)]) : Logger.layer([screenLogger(verbose)]),
    Layer.succeed(References.MinimumLogLevel, level),
  );
};

/** With `--debug`: where the error arose. */
const tellStack = (cause: Cause.Cause<unknown>) =>
  Cause.hasInterruptsOnly(cause) ? Effect.void : Display.use(({ say }) => Effect.sync(() => say(Cause.pretty(cause))));

/** The event of an error that the command did not tell itself. */
const tellError = ({ code, message }: Explained) =>
  Display.use(({ show, state }) => (state().failed ? Effect.void : show({ type: "error", code, message })));

/** Runs a command with its display and its log; an error is an event of `--json`, too. */
export const withOutput =
  (flags: OutputFlags) =>
  <A, E extends Explained, R>(command: Effect.Effect<A, E, R>) =>
    command.pipe(
      Effect.tapError(tellError),
      flags.debug ? Effect.tapCause(tellStack) : (self) => self,
      Effect.provide(logging(flags).pipe(Layer.provideMerge(DisplayLayers.layer(flags)))),
    );
