/** A disk of a given size (tmpfs; Linux, root). */
import { Effect, type Scope } from "effect";
import { execFileSync } from "node:child_process";
import { emptyFolder } from "./folder.ts";

/** The disk. */
export interface SmallDisk {
  /** Where it is mounted. */
  readonly folder: string;
  /** Mounts it again with other options: `size=64m`, `ro`. */
  readonly remount: (options: string) => Effect.Effect<void>;
}

const run = (file: string, ...args: ReadonlyArray<string>): void => {
  execFileSync(file, args, { stdio: ["ignore", "ignore", "pipe"] });
};

/** An empty disk of `bytes`; unmounted, whoever uses it, when the scope ends. */
export const smallDisk = (bytes: number): Effect.Effect<SmallDisk, never, Scope.Scope> =>
  Effect.gen(function* () {
    const folder = yield* emptyFolder;
    yield* Effect.acquireRelease(
      Effect.sync(() => run("mount", "-t", "tmpfs", "-o", `size=${bytes}`, "bt-effect-test", folder)),
      () => Effect.sync(() => run("umount", "--lazy", folder)),
    );
    return { folder, remount: (options) => Effect.sync(() => run("mount", "-o", `remount,${options}`, folder)) };
  });
