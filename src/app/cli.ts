/**
 * Runs a command line, and what differs from the defaults of `effect/cli`: help goes to stdout, a usage error is one line of our own with a hint.
 */
import * as ConfigProvider from "effect/ConfigProvider";
import * as Console from "effect/Console";
import * as Effect from "effect/Effect";
import * as CliConfig from "effect/cli/CliConfig";
import * as CliError from "effect/cli/CliError";
import * as CliOutput from "effect/cli/CliOutput";
import * as Command from "effect/cli/Command";
import * as GlobalFlag from "effect/cli/GlobalFlag";
import type { HelpDoc } from "effect/cli/HelpDoc";
import { AGENT, VERSION } from "../schema/version.ts";
import { type Commands, configurable, repeatable, rootCommand } from "./commandTree.ts";
import { Settings } from "./Settings.ts";
import { UsageError } from "./UsageError.ts";

/** What a value should have been, in words: of a flag that is on or off, `effect/cli` lists all its spellings, or the error of a schema. */
const expectation = (expected: string): string =>
  expected.includes('"true" | "yes"') ? "true or false" : expected.replaceAll(/\s+/g, " ");

/** Says what is wrong in our own words: one line, the flag's origin named when it was not typed. */
const usageError = (error: CliError.CliError, origin: (flag: string) => string | undefined): UsageError => {
  switch (error._tag) {
    case "UnrecognizedOption": {
      const near = error.suggestions[0];
      return new UsageError({
        kind: "unknown-flag",
        problem: `there is no flag ${error.option}`,
        ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
      });
    }
    case "MissingArgument":
      return new UsageError({ kind: "missing-argument", problem: `<${error.argument}> is missing` });
    case "MissingOption":
      return new UsageError({ kind: "missing-flag", problem: `--${error.option} is missing` });
    case "UnexpectedArgument":
      return new UsageError({
        kind: "unexpected-argument",
        problem: `too many arguments: ${error.arguments.join(" ")}`,
      });
    case "InvalidValue": {
      const name = error.kind === "argument" ? `<${error.option}>` : `--${error.option}`;
      if (error.kind === "flag" && error.value === "") {
        return new UsageError({ kind: "missing-value", problem: `${name} needs a value (${error.expected})` });
      }
      const given = error.value === "config" ? "" : ` "${error.value}"`;
      return new UsageError({
        kind: "bad-value",
        problem: `${origin(error.option) ?? name}${given}: expected ${expectation(error.expected)}`,
      });
    }
    case "ShowHelp": {
      const [first] = error.errors;
      return first === undefined
        ? new UsageError({ kind: "missing-command", problem: "nothing to do" })
        : usageError(first, origin);
    }
    case "DuplicateOption":
    case "UnknownSubcommand":
    case "ValidationError":
    case "UserError":
      return new UsageError({ kind: "invalid", problem: error.message.replaceAll(/\s+/g, " ") });
  }
};

/** The standard text but for the order of words in the usage, and an empty line that it lacks. */
const helpText = (doc: HelpDoc, standard: CliOutput.Formatter): string =>
  standard
    .formatHelpDoc(doc.subcommands === undefined ? doc : { ...doc, usage: "bt-effect <torrent> [out] [flags]" })
    .replace(/(?<!\n)\n((?:\u{1b}\[\d+m)*EXAMPLES)/u, "\n\n$1");

/** Prints help and version that were asked for; everything else is said by whoever handles the errors. */
const presenter = (args: ReadonlyArray<string>) =>
  CliOutput.layerPresenter({
    present: Effect.fnUntraced(function* (event) {
      if (event._tag === "Version") {
        const text = args.includes("--debug") ? (yield* Effect.promise(() => import("./versions.ts"))).versions : AGENT;
        yield* Console.log(text);
      }
      if (event._tag === "Help" && event.reason === "Requested") {
        yield* Console.log(helpText(event.helpDoc, yield* CliOutput.Formatter));
      }
    }),
  });

/**
 * The flags that `effect/cli` has for all commands, and takes wherever they stand. After the word `create`, `--version` is not one of them: there it is that of
 * the torrent.
 */
const builtInsFor = (args: ReadonlyArray<string>) => {
  const create = args.indexOf("create");
  const version = args.findIndex((arg) => arg === "--version" || arg.startsWith("--version="));
  return create !== -1 && (version === -1 || create < version)
    ? [GlobalFlag.Help]
    : [GlobalFlag.Help, GlobalFlag.Version];
};

/** Runs the command that `args` name. Fails with a `UsageError` where they make no sense, else as the command does. */
export const run = <R>(args: ReadonlyArray<string>, commands: Commands<R>) =>
  Effect.gen(function* () {
    const settings = yield* Settings;
    yield* settings.check({ flags: configurable, repeatable });
    const typed = new Set(args.filter((arg) => arg.startsWith("--")).map((arg) => arg.slice(2).split("=", 1)[0]));
    const explain = (error: CliError.CliError) =>
      usageError(error, (flag) => (typed.has(flag) ? undefined : settings.origin(flag)));
    yield* Command.runWith(rootCommand(commands), { version: VERSION, renderErrors: false })(args).pipe(
      Effect.provideService(ConfigProvider.ConfigProvider, settings.provider),
      Effect.mapError((error) => (CliError.isCliError(error) ? explain(error) : error)),
    );
  }).pipe(Effect.provide([presenter(args), CliConfig.layer({ builtIns: builtInsFor(args) })]));
