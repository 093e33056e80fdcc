/** `bt-effect completions <shell>`: prints a script that lets a shell complete the commands, the flags and their values, and names of files. */
import * as Effect from "effect/Effect";
import type * as Command from "effect/cli/Command";
import * as Completions from "effect/cli/Completions";
import { WORDS } from "../flags.ts";
import { Screen } from "../Screen/Screen.ts";

const FILE = { _tag: "Path", pathType: "either" } as const;

/** Flags whose value is a file. */
const FILE_FLAGS: ReadonlySet<string> = new Set(["output", "save", "log-file", "ip-filter"]);

/** Values and arguments are read as plain text, for a torrent may be a link as well: what a shell can offer for them is said here. */
const offering = (command: Completions.CommandDescriptor, isRoot: boolean): Completions.CommandDescriptor => ({
  ...command,
  flags: command.flags.map((flag) => {
    if (FILE_FLAGS.has(flag.name)) return { ...flag, type: FILE };
    const values = WORDS[flag.name];
    return values === undefined ? flag : { ...flag, type: { _tag: "Choice", values } };
  }),
  // In bash the files of the root's arguments would take the place of the commands.
  arguments: command.arguments.map((argument) =>
    argument.type._tag === "String" && !isRoot ? { ...argument, type: FILE } : argument,
  ),
  subcommands: command.subcommands.map((subcommand) => offering(subcommand, false)),
});

/** Prints the script for the tree of commands below `root`. */
export const completions = (shell: Completions.Shell, root: Command.Command.Any) =>
  Effect.map(Screen, (screen) => {
    const script = Completions.generate("bt-effect", shell, offering(Completions.fromCommand(root), shell === "bash"));
    // Where there is nothing of ours to offer, files are: the first word may be a torrent.
    screen.print(`${script.trimEnd().replace(/^complete -F /m, "complete -o bashdefault -o default -F ")}\n`);
  });
