/** The files that a torrent is to be made of: looked up below one path, in an order that depends on nothing but their names. Reads no file. */
import * as Effect from "effect/Effect";
import * as FileSystem from "effect/FileSystem";
import * as Glob from "effect/Glob";
import * as Path from "effect/Path";
import type { PlatformError } from "effect/PlatformError";
import { CreateError, type CreateReason } from "../schema/errors/CreateError.ts";
import { MAX_PATH_DEPTH } from "../schema/metainfo/fields.ts";
import type { NewFile } from "../schema/metainfo/writeInfo.ts";

/** What is below a path. */
export interface Tree {
  readonly name: string;
  readonly layout: "single" | "multi";
  /** Absolute, links followed: of the file, or of the folder. */
  readonly root: string;
  readonly files: ReadonlyArray<NewFile>;
}

/** Which tree, and what is left out of it. */
export interface TreeOptions {
  /** Absolute. */
  readonly path: string;
  /** Globs on the path within the tree, or on any one name where they have no `/`. */
  readonly exclude: ReadonlyArray<string>;
  /** One file that is not looked at, absolute: the .torrent of an earlier run. */
  readonly omit?: string | undefined;
}

/** Entries of one folder that are looked at side by side. */
const LOOKS = 16;

/** Who owns it may run it. */
const EXECUTABLE = 0o100;

const encoder = new TextEncoder();

/** Sorted by their bytes: the order of the same tree everywhere. */
const sorted = (names: ReadonlyArray<string>): ReadonlyArray<string> => {
  const encoded = names.map((name) => ({ name, bytes: encoder.encode(name) }));
  encoded.sort(({ bytes: left }, { bytes: right }) => {
    for (let at = 0; at < Math.min(left.length, right.length); at++) {
      const difference = (left[at] ?? 0) - (right[at] ?? 0);
      if (difference !== 0) return difference;
    }
    return left.length - right.length;
  });
  return encoded.map(({ name }) => name);
};

/** U+FFFD stands where a name is not UTF-8: the file cannot be found by it again. */
const isName = (name: string): boolean => name !== "" && !name.includes("\u{fffd}");

const reasonOf = ({ reason }: PlatformError): CreateReason =>
  reason._tag === "NotFound" ? { _tag: "NotFound" } : { _tag: "Unreadable", why: reason.description ?? reason._tag };

const excluder = (globs: ReadonlyArray<string>): ((names: ReadonlyArray<string>) => boolean) => {
  const matchers = globs.map((glob) => {
    const pattern = Glob.make(glob.replace(/\/+$/, ""), { dot: true });
    return glob.includes("/", 1) && !glob.endsWith("/")
      ? (names: ReadonlyArray<string>) => Glob.match(pattern, names.join("/"))
      : (names: ReadonlyArray<string>) => Glob.match(pattern, names.at(-1) ?? "");
  });
  return (names) => matchers.some((matches) => matches(names));
};

/** Looks up what is at and below a path. */
export const readTree = Effect.fnUntraced(function* ({
  path: named,
  exclude,
  omit,
}: TreeOptions): Effect.fn.Return<Tree, CreateError, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem;
  const path = yield* Path.Path;
  const isExcluded = excluder(exclude);
  const fail = (at: string, reason: CreateReason) => Effect.fail(new CreateError({ path: at, reason }));
  const edge = <A>(at: string, effect: Effect.Effect<A, PlatformError>): Effect.Effect<A, CreateError> =>
    Effect.mapError(effect, (error) => new CreateError({ path: at, reason: reasonOf(error) }));

  const root = yield* edge(named, fs.realPath(named));
  const name = path.basename(named);
  if (!isName(name)) return yield* fail(named, { _tag: "BadName" });

  const linkAt = Effect.fnUntraced(function* (at: string) {
    const target = yield* edge(at, fs.readLink(at));
    const within = path.relative(root, path.resolve(path.dirname(at), target)).split(path.sep);
    const inside = within[0] !== "" && within[0] !== ".." && !path.isAbsolute(within.join(path.sep));
    const isIn = within.every((_, index) => {
      const names = within.slice(0, index + 1);
      return !isExcluded(names) && path.join(root, ...names) !== omit;
    });
    const there = inside && isIn && (yield* Effect.orElseSucceed(fs.exists(at), () => false));
    return there ? within : yield* fail(at, { _tag: "BadLink", target });
  });

  const look: (at: string, names: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<NewFile>, CreateError> =
    Effect.fnUntraced(function* (at, names) {
      if (names.length > MAX_PATH_DEPTH) return yield* fail(at, { _tag: "TooDeep", limit: MAX_PATH_DEPTH });
      if (names.length > 0 && !names.every(isName)) return yield* fail(at, { _tag: "BadName" });
      const { mode, size, type } = yield* edge(at, fs.lstat(at));
      switch (type) {
        case "File":
          return [{ path: names, length: Number(size), executable: (mode & EXECUTABLE) !== 0 }];
        case "SymbolicLink":
          return [{ path: names, length: 0, executable: false, symlink: yield* linkAt(at) }];
        case "Directory": {
          const entries = sorted(yield* edge(at, fs.readDirectory(at)));
          const found = yield* Effect.forEach(
            entries.filter((entry) => !isExcluded([...names, entry]) && path.join(at, entry) !== omit),
            (entry) => look(path.join(at, entry), [...names, entry]),
            { concurrency: LOOKS },
          );
          return found.flat();
        }
        default:
          return yield* fail(at, { _tag: "Special" });
      }
    });

  const files = yield* look(root, []);
  const layout = files.some((file) => file.path.length === 0) ? "single" : "multi";
  return { name, layout, root, files };
});
