/**
 * Where flags that are not on the command line come from: the environment (`BT_EFFECT_MAX_PEERS`), then the configuration file
 * (`max-peers` in `config.toml`). Read once, when the layer is built.
 */
import * as ConfigProvider from "effect/ConfigProvider";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as FileSystem from "effect/FileSystem";
import * as Layer from "effect/Layer";
import * as Path from "effect/Path";
import * as Result from "effect/Result";
import * as UserDirectories from "effect/persistence/UserDirectories";
import { UsageError } from "./UsageError.ts";

/** The variable that stands for a flag: `max-peers` → `BT_EFFECT_MAX_PEERS`. */
export const variableOf = (flag: string): string => `BT_EFFECT_${flag.toUpperCase().replaceAll("-", "_")}`;

/** Keeps the names of flags apart from the variables that other parts of the program read. */
export const PREFIX = "bt-effect";

/** No configuration file is larger, bytes. */
const MAX_FILE = 1024 * 1024;

/** Values for flags from outside the command line. */
export class Settings extends Context.Service<
  Settings,
  {
    /** Looks flags up as `[PREFIX, name]`; everything else where it was looked up before. */
    readonly provider: ConfigProvider.ConfigProvider;
    /** Where the value of a flag comes from, for people; absent when neither source has it. */
    readonly origin: (flag: string) => string | undefined;
    /** Fails when the file has what no flag takes: a key that is none, a table, or a list where one value is due. */
    readonly check: (known: Known) => Effect.Effect<void, UsageError>;
  }
>()("bt-effect/app/Settings") {}

/** `TOML`'s own parser loads only where there is a file. */
const parse = (path: string, text: string): Effect.Effect<Readonly<Record<string, unknown>>, UsageError> =>
  Effect.promise(() => import("effect/encoding/Toml")).pipe(
    Effect.flatMap((toml) =>
      Result.match(toml.parse(text), {
        onSuccess: Effect.succeed,
        onFailure: (error) =>
          Effect.fail(
            new UsageError({
              kind: "bad-config",
              problem: `${path}: ${error.message}`,
              hint: "correct it or move it away",
            }),
          ),
      }),
    ),
  );

const readFile = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem;
  const bad = (problem: string) =>
    new UsageError({ kind: "bad-config", problem: `${path}: ${problem}`, hint: "correct it or move it away" });
  const stat = yield* Effect.result(fs.stat(path));
  if (Result.isFailure(stat)) {
    if (stat.failure.reason._tag === "NotFound") return {};
    return yield* bad(`the configuration cannot be read (${stat.failure.reason._tag})`);
  }
  if (Number(stat.success.size) > MAX_FILE) return yield* bad(`larger than ${MAX_FILE} bytes`);
  const text = yield* fs
    .readFileString(path)
    .pipe(Effect.mapError((error) => bad(`the configuration cannot be read (${error.reason._tag})`)));
  return yield* parse(path, text);
});

const KEYS = "its keys are the flags of bt-effect --help without the dashes";

/** The flags that a file may name. */
interface Known {
  readonly flags: ReadonlyArray<string>;
  /** Of these, those that take several values. */
  readonly repeatable: ReadonlyArray<string>;
}

/** What is wrong with an entry of the file, whatever its value means. */
const wrongEntry = (key: string, value: unknown, { flags, repeatable }: Known): string | undefined => {
  const isTable = typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
  if (isTable) return `there are no tables such as "${key}"`;
  if (!flags.includes(key)) return `there is no flag "${key}"`;
  return Array.isArray(value) && !repeatable.includes(key) ? `"${key}" takes one value, not a list` : undefined;
};

/** Settings from the given environment and the user's configuration file. */
export const layer = (environment: Readonly<Record<string, string | undefined>>) =>
  Layer.effect(
    Settings,
    Effect.gen(function* () {
      const path = yield* Path.Path;
      const directories = yield* UserDirectories.UserDirectories;
      const folder = yield* Effect.option(directories.config("bt-effect"));
      const name = folder._tag === "Some" ? path.join(folder.value, "config.toml") : undefined;
      const file = name === undefined ? {} : yield* readFile(name);
      const outside = yield* ConfigProvider.ConfigProvider;
      const variable = (flag: string) => environment[variableOf(flag)] || undefined;
      return Settings.of({
        provider: ConfigProvider.make(([prefix, flag, ...rest]) => {
          const value = prefix === PREFIX && typeof flag === "string" && rest.length === 0 ? variable(flag) : undefined;
          return Effect.succeed(value === undefined ? undefined : ConfigProvider.makeValue(value));
        }).pipe(ConfigProvider.orElse(ConfigProvider.fromUnknown({ [PREFIX]: file })), ConfigProvider.orElse(outside)),
        origin: (flag) =>
          variable(flag) !== undefined ? variableOf(flag) : Object.hasOwn(file, flag) ? `${name}: ${flag}` : undefined,
        check: (known) =>
          Effect.forEach(
            Object.entries(file),
            ([key, value]) => {
              const wrong = wrongEntry(key, value, known);
              return wrong === undefined
                ? Effect.void
                : Effect.fail(new UsageError({ kind: "bad-config", problem: `${name}: ${wrong}`, hint: KEYS }));
            },
            { discard: true },
          ),
      });
    }),
  );
