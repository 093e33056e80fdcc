/** The whole program as one effect: reads the settings, runs the command, with everything that is the same for all commands provided. */
import * as ConfigProvider from "effect/ConfigProvider";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as UserDirectories from "effect/persistence/UserDirectories";
import { Hasher } from "../services/Hasher.ts";
import { run } from "./cli.ts";
import { live } from "./commandTree.ts";
import * as Platform from "./platform.ts";
import * as ScreenNode from "./Screen/node.ts";
import * as Settings from "./Settings.ts";

/** Runs the program with the words after its name and the environment it was given. */
export const program = (args: ReadonlyArray<string>, environment: Readonly<Record<string, string | undefined>>) =>
  run(args, live).pipe(
    Effect.provide(
      Settings.layer(environment).pipe(
        Layer.provideMerge(Layer.mergeAll(Platform.layer, UserDirectories.layer, ScreenNode.layer, Hasher.layer)),
        Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnvRecord(environment))),
      ),
    ),
  );
