/**
 * Makes the folders of an output and sees to it that none of them leads outside: each is made or looked at once, from the root downwards,
 * before a file in it is opened, so that a symbolic link is found before anything is made behind it.
 *
 * State: the folders seen so far, for as long as the output is open.
 */
import * as Effect from "effect/Effect";
import * as Path from "node:path";
import { DiskFault } from "./errno.ts";
import { makeAll } from "./filesMaking.ts";
import * as System from "./filesSystem.ts";

/** The folders of one output. */
export interface Folders {
  /** Fails unless `folder` is the root's or inside it; `make` makes what is missing. */
  readonly enter: (folder: string, make: boolean) => Effect.Effect<void, DiskFault>;
  /** Whether it was entered already. */
  readonly isKnown: (folder: string) => boolean;
  /** Fails with `ELOOP` unless `path`, its links followed, is inside the root. */
  readonly contains: (path: string) => Effect.Effect<void, DiskFault>;
  /** Notes that entries of a folder changed. */
  readonly touched: (folder: string) => void;
  /** Makes the entries of all touched folders durable; `open` is what each is opened within. */
  readonly sync: (
    open: (effect: Effect.Effect<void, DiskFault>) => Effect.Effect<void, DiskFault>,
  ) => Effect.Effect<void, DiskFault>;
}

/** Guards what lies in `base`: the output folder, or the folder of a single file. */
export const make = (base: string): Folders => {
  const seen = new Set<string>();
  const changed = new Set<string>();

  const escape = (path: string): DiskFault => new DiskFault({ code: "ELOOP", path, cause: undefined });

  const contains = (path: string): Effect.Effect<void, DiskFault> =>
    Effect.gen(function* () {
      const [root, real] = yield* Effect.all([System.realpath(base), System.realpath(path)]);
      if (real !== root && !real.startsWith(root.endsWith(Path.sep) ? root : root + Path.sep)) {
        return yield* escape(path);
      }
    });

  const enter = (folder: string, make: boolean): Effect.Effect<void, DiskFault> =>
    Effect.gen(function* () {
      if (seen.has(folder)) return;
      if (folder === base) {
        // Only looked at: it may still have to be made.
        if (!make) return;
        yield* makeAll(folder);
      } else {
        if (!folder.startsWith(base) || Path.resolve(folder) !== folder) return yield* escape(folder);
        yield* enter(Path.dirname(folder), make);
        yield* make ? makeOne(folder) : lookAt(folder);
      }
      seen.add(folder);
    });

  const makeOne = (folder: string): Effect.Effect<void, DiskFault> =>
    System.mkdir(folder).pipe(
      Effect.andThen(Effect.sync(() => changed.add(Path.dirname(folder)))),
      Effect.catchIf(
        (failure) => failure.code === "EEXIST",
        () => lookAt(folder),
      ),
    );

  const lookAt = (folder: string): Effect.Effect<void, DiskFault> =>
    Effect.gen(function* () {
      const entry = yield* System.lstat(folder);
      if (entry.isDirectory()) return;
      if (entry.isSymbolicLink()) {
        yield* contains(folder);
        if ((yield* System.stat(folder)).isDirectory()) return;
      }
      return yield* new DiskFault({ code: "ENOTDIR", path: folder, cause: undefined });
    });

  return {
    enter,
    isKnown: (folder) => seen.has(folder),
    contains,
    touched: (folder) => void changed.add(folder),
    sync: (open) =>
      Effect.suspend(() => {
        const folders = [...changed];
        changed.clear();
        return Effect.forEach(folders, (folder) => open(System.syncFolder(folder)), { discard: true }).pipe(
          Effect.tapError(() => Effect.sync(() => folders.forEach((folder) => changed.add(folder)))),
        );
      }),
  };
};
