/**
 * The services of the platform: files, paths and streams as Node has them. `effect/cli` also asks for a terminal, which is loaded when something is
 * asked on it, and for a starter of processes, which no command of ours is.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem";
import * as NodePath from "@effect/platform-node/NodePath";
import * as NodeStdio from "@effect/platform-node/NodeStdio";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { badArgument } from "effect/PlatformError";
import * as Scope from "effect/Scope";
import * as Terminal from "effect/Terminal";
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner";

const terminal = Layer.effect(
  Terminal.Terminal,
  Effect.gen(function* () {
    const scope = yield* Effect.scope;
    const real = yield* Effect.promise(() => import("@effect/platform-node/NodeTerminal")).pipe(
      Effect.flatMap(({ make }) => make()),
      Scope.provide(scope),
      Effect.cached,
    );
    return Terminal.make({
      columns: Effect.flatMap(real, ({ columns }) => columns),
      rows: Effect.flatMap(real, ({ rows }) => rows),
      size: Effect.flatMap(real, ({ size }) => size),
      readInput: Effect.flatMap(real, ({ readInput }) => readInput),
      readLine: Effect.flatMap(real, ({ readLine }) => readLine),
      display: (text) => Effect.flatMap(real, ({ display }) => display(text)),
    });
  }),
);

const noProcesses = Layer.succeed(
  ChildProcessSpawner.ChildProcessSpawner,
  ChildProcessSpawner.make(() =>
    Effect.fail(
      badArgument({ module: "ChildProcess", method: "spawn", description: "bt-effect starts no other program" }),
    ),
  ),
);

/** What `effect/cli` and the commands need of the platform. */
export const layer = Layer.mergeAll(NodeFileSystem.layer, NodePath.layer, NodeStdio.layer, terminal, noProcesses);
