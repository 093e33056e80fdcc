/** What is on disk of an output, file by file. It looks at names, sizes and times, opens nothing and changes nothing. */
import * as Effect from "effect/Effect";
import { DiskFault } from "./errno.ts";
import * as System from "./filesSystem.ts";
import type { FileState, LayoutFile, StorageLayout } from "./Storage.ts";

const absent: FileState = { exists: false, size: 0, modified: 0 };

const isAbsent = (failure: DiskFault): boolean => failure.code === "ENOENT";

const orAbsent = (look: Effect.Effect<FileState, DiskFault>): Effect.Effect<FileState, DiskFault> =>
  Effect.catchIf(look, isAbsent, () => Effect.succeed(absent));

const fileAt = (path: string): Effect.Effect<FileState, DiskFault> =>
  System.stat(path).pipe(
    Effect.flatMap((stats) =>
      stats.isDirectory()
        ? Effect.fail(new DiskFault({ code: "EISDIR", path, cause: undefined }))
        : Effect.succeed<FileState>({ exists: true, size: stats.size, modified: stats.mtimeMs }),
    ),
    orAbsent,
  );

/** A link has no bytes of its own; wherever it leads, a folder too, is not looked at. */
const linkAt = (path: string): Effect.Effect<FileState, DiskFault> =>
  System.lstat(path).pipe(
    Effect.map((stats): FileState => ({ exists: true, size: 0, modified: stats.mtimeMs })),
    orAbsent,
  );

/** One look at the folder of all files spares one at each of them where nothing is there yet. */
const isNothingThere = ({ files, root }: StorageLayout): Effect.Effect<boolean, DiskFault> =>
  files.some((file) => file.path === root)
    ? Effect.succeed(false)
    : System.stat(root).pipe(
        Effect.as(false),
        Effect.catchIf(isAbsent, () => Effect.succeed(true)),
      );

/** The states of a layout's files; `saw` is told of each that is there: by its index, or of the one of what is kept aside. */
export const survey = Effect.fnUntraced(function* (
  layout: StorageLayout,
  saw: (file: number | "aside") => void,
): Effect.fn.Return<ReadonlyArray<FileState>, DiskFault> {
  const note = (state: Effect.Effect<FileState, DiskFault>, file: number | "aside") =>
    Effect.tap(state, ({ exists }) => Effect.sync(() => exists && saw(file)));
  const nothing = yield* isNothingThere(layout);
  const isAside = layout.files.some(({ kind }) => kind === "aside");
  const aside = isAside ? yield* note(fileAt(layout.asidePath), "aside") : absent;
  /** What is known without a look. */
  const known = (file: LayoutFile): FileState | undefined => {
    if (file.kind === "write") return nothing ? absent : undefined;
    if (file.kind === "pad") return { exists: true, size: file.length, modified: 0 };
    const size = Math.min(Math.max(aside.size - file.offset, 0), file.length);
    return size === 0 ? absent : { exists: true, size, modified: aside.modified };
  };
  const states = layout.files.map(known);
  // There may be a hundred thousand files: no effect for each of which nothing is to be found out.
  if (states.every((state) => state !== undefined)) return states;
  return yield* Effect.forEach(
    layout.files,
    (file, index): Effect.Effect<FileState, DiskFault> => {
      const state = states[index];
      if (state !== undefined) return Effect.succeed(state);
      return file.link === undefined ? note(fileAt(file.path), index) : linkAt(file.path);
    },
    { concurrency: System.CALLS },
  );
});
