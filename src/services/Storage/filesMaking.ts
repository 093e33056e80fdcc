/** How folders are made, whatever is to be in them: those of outputs and those of the user's state. No state. */
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Path from "node:path";
import type { DiskFault } from "./errno.ts";
import * as System from "./filesSystem.ts";

/** Permissions of folders that are nobody else's business. */
export const PRIVATE = 0o700;

/**
 * Makes a folder and those above it, with the permissions that the umask leaves of `mode`. Not by Node's own recursion: it takes a read-only file
 * system for a missing folder, and never ends where the system says that a folder is missing which is there (`/proc`).
 */
export const makeAll = (folder: string, mode?: number): Effect.Effect<void, DiskFault> =>
  System.mkdir(folder, mode).pipe(
    Effect.catchIf(
      ({ code }) => code === "ENOENT" && Path.dirname(folder) !== folder,
      () => Effect.andThen(makeAll(Path.dirname(folder), mode), System.mkdir(folder, mode)),
    ),
    Effect.catch((failure) =>
      Effect.flatMap(Effect.option(System.stat(folder)), (entry) =>
        Option.isSome(entry) && entry.value.isDirectory() ? Effect.void : Effect.fail(failure),
      ),
    ),
  );
