/** `bt-effect completions <shell>`: prints a script that lets a shell complete the commands and flags. */
import * as Effect from "effect/Effect";
import type * as Command from "effect/cli/Command";
import * as Completions from "effect/cli/Completions";
import { Screen } from "../Screen/Screen.ts";

/** Prints the script for the tree of commands below `root`. */
export const completions = (shell: Completions.Shell, root: Command.Command.Any) =>
  Effect.map(Screen, (screen) =>
    screen.print(`${Completions.generate("bt-effect", shell, Completions.fromCommand(root)).trimEnd()}\n`),
  );
