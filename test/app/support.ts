/** A command line in a test: arguments, environment and files in, what was printed and the error out. */
import { assert } from "@effect/vitest";
import { ConfigProvider, Effect, Exit, FileSystem, Layer, Path, PlatformError, Stdio, Terminal } from "effect";
import { UserDirectories } from "effect/persistence";
import { ChildProcessSpawner } from "effect/process";
import { TestConsole } from "effect/testing";
import { run } from "../../src/app/cli.ts";
import { live } from "../../src/app/commandTree.ts";
import type { DownloadInput } from "../../src/app/commands/download.ts";
import type { SeedInput } from "../../src/app/commands/seed.ts";
import * as ScreenMemory from "../../src/app/Screen/memory.ts";
import * as Settings from "../../src/app/Settings.ts";
import { UsageError } from "../../src/app/UsageError.ts";
import { Hasher } from "../../src/services/Hasher.ts";

/** The world of one run. */
export interface World {
  readonly environment?: Readonly<Record<string, string>>;
  /** Text of `~/.config/bt-effect/config.toml`; absent: no such file. */
  readonly config?: string;
}

const notFound = (path: string) =>
  PlatformError.systemError({ _tag: "NotFound", module: "FileSystem", method: "stat", pathOrDescriptor: path });

const CONFIG = "/home/me/.config/bt-effect/config.toml";

/** Runs the program with the words after its name; `download` only remembers what it is called with. */
export const runLine = (args: ReadonlyArray<string>, world: World = {}) =>
  Effect.gen(function* () {
    const environment = { HOME: "/home/me", ...world.environment };
    const screen = yield* ScreenMemory.make();
    const files = FileSystem.layerNoop({
      stat: (path) =>
        path === CONFIG && world.config !== undefined
          ? Effect.succeed({ type: "File", size: BigInt(world.config.length) } as FileSystem.File.Info)
          : Effect.fail(notFound(path)),
      readFileString: (path) =>
        path === CONFIG && world.config !== undefined ? Effect.succeed(world.config) : Effect.fail(notFound(path)),
    });
    const platform = Layer.mergeAll(
      files,
      Path.layer,
      UserDirectories.layerPlatform("linux"),
      Stdio.layerTest({ args: Effect.succeed(args) }),
      Layer.succeed(
        Terminal.Terminal,
        Terminal.make({
          columns: Effect.succeed(80),
          rows: Effect.succeed(24),
          size: Effect.die("unused"),
          readInput: Effect.die("unused"),
          readLine: Effect.die("unused"),
          display: () => Effect.void,
        }),
      ),
      Layer.succeed(
        ChildProcessSpawner.ChildProcessSpawner,
        ChildProcessSpawner.make(() => Effect.die("unused")),
      ),
      screen.layer,
      Hasher.layer,
    );
    let input: DownloadInput | undefined;
    let seeding: SeedInput | undefined;
    const seed = (given: SeedInput) => Effect.sync(() => void (seeding = given));
    const download = (given: DownloadInput) => Effect.sync(() => void (input = given));
    const exit = yield* run(args, { ...live, download, seed }).pipe(
      Effect.provide(Settings.layer(environment).pipe(Layer.provideMerge(platform))),
      Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord(environment)),
      Effect.exit,
    );
    return {
      exit,
      /** What `download` was called with. */
      input,
      /** What `seed` was called with. */
      seeding,
      error: Exit.isFailure(exit) ? exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error : undefined,
      stdout: [...(yield* TestConsole.logLines), ...screen.printed].join("\n"),
      stderr: [...(yield* TestConsole.errorLines), ...screen.written].join("\n"),
    };
  });

/** Runs a line that is used wrongly: one line says so, and nothing else is printed. */
export const refusesLine = (args: ReadonlyArray<string>, code: string, message: string, world?: World) =>
  Effect.gen(function* () {
    const { error, stderr, stdout } = yield* runLine(args, world);
    if (!(error instanceof UsageError)) return assert.fail(`no usage error but ${error?.message}`);
    assert.strictEqual(error.code, code);
    assert.strictEqual(error.message, message);
    assert.notInclude(error.message, "\n");
    assert.strictEqual(stdout, "", "help is not for usage errors");
    assert.strictEqual(stderr, "");
  });
