/**
 * Storage in memory, for tests and for programs without a disk. It behaves like the file Layer seen from outside, and its disk can be looked
 * at, prepared, and cut from power.
 */
import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { type FileSpan, fileSpans } from "../../schema/geometry.ts";
import { StorageError, type StorageReason } from "../../schema/errors/StorageError.ts";
import { Storage, type FileState, type OpenStorage, type StorageLayout } from "./Storage.ts";

/** One file of the disk. */
interface MemoryFile {
  /** Its bytes; room for more may follow them. */
  room: Uint8Array;
  size: number;
  modified: number;
  executable: boolean;
  /** What a power cut leaves. */
  durable: Uint8Array;
}

/** The disk behind the memory Layer; all storages of one layer share it. Paths are absolute, with `/`. */
export class MemoryDisk extends Context.Service<
  MemoryDisk,
  {
    /** A copy of a file's bytes; absent when there is no such file. */
    readonly get: (path: string) => Effect.Effect<Uint8Array | undefined>;
    /** Puts a file there, durable, modified now. */
    readonly put: (path: string, bytes: Uint8Array) => Effect.Effect<void>;
    readonly remove: (path: string) => Effect.Effect<void>;
    /** All paths, sorted. */
    readonly paths: Effect.Effect<ReadonlyArray<string>>;
    readonly isExecutable: (path: string) => Effect.Effect<boolean>;
    /** What was not synced reads as zeros afterwards; sizes and times stay, as they may on a real disk. */
    readonly powerCut: Effect.Effect<void>;
    /** The files themselves, for the Layer. */
    readonly files: Map<string, MemoryFile>;
  }
>()("bt-effect/services/Storage/MemoryDisk") {}

/** What `free` answers. */
const FREE = 2 ** 40;

const makeDisk = Effect.sync(() => {
  const files = new Map<string, MemoryFile>();
  return MemoryDisk.of({
    files,
    get: (path) =>
      Effect.sync(() => {
        const file = files.get(path);
        return file?.room.slice(0, file.size);
      }),
    put: (path, bytes) =>
      Effect.map(Clock.currentTimeMillis, (modified) => {
        files.set(path, {
          room: bytes.slice(),
          size: bytes.length,
          modified,
          executable: false,
          durable: bytes.slice(),
        });
      }),
    remove: (path) => Effect.sync(() => void files.delete(path)),
    paths: Effect.sync(() => [...files.keys()].sort()),
    isExecutable: (path) => Effect.sync(() => files.get(path)?.executable ?? false),
    powerCut: Effect.sync(() => {
      for (const file of files.values()) {
        file.room = new Uint8Array(file.size);
        file.room.set(file.durable.subarray(0, file.size));
      }
    }),
  });
});

const isFolder = (files: ReadonlyMap<string, MemoryFile>, path: string): boolean =>
  [...files.keys()].some((other) => other.startsWith(`${path}/`));

const open = (files: Map<string, MemoryFile>, layout: StorageLayout): OpenStorage => {
  const end = layout.files.reduce((most, file) => Math.max(most, file.offset + file.length), 0);
  const hasAside = layout.files.some((file) => file.kind === "aside");
  const written = new Set<string>();
  const dirty = new Set<string>();

  const fail = (operation: StorageError["operation"], path: string, reason: StorageReason): StorageError =>
    new StorageError({ operation, path, reason });

  const fileAt = (path: string, now: number): MemoryFile => {
    const there = files.get(path);
    if (there !== undefined) return there;
    if (written.has(path)) throw fail("write", path, { _tag: "Missing" });
    if (isFolder(files, path)) throw fail("write", path, { _tag: "IsFolder" });
    const made = {
      room: new Uint8Array(0),
      size: 0,
      modified: now,
      executable: false,
      durable: new Uint8Array(0),
    };
    files.set(path, made);
    return made;
  };

  const writeFile = (path: string, position: number, bytes: Uint8Array, now: number): void => {
    const file = fileAt(path, now);
    const end = position + bytes.length;
    if (end > file.room.length) {
      const room = new Uint8Array(Math.max(end, file.room.length * 2));
      room.set(file.room.subarray(0, file.size));
      file.room = room;
    }
    file.room.set(bytes, position);
    file.size = Math.max(file.size, end);
    file.modified = now;
    written.add(path);
    dirty.add(path);
  };

  /** Calls `use` for each file's part of a range, with the place of its bytes; without a place for pads. */
  const eachPart = (
    offset: number,
    bytes: Uint8Array,
    use: (part: Uint8Array, place?: { readonly path: string; readonly position: number }) => void,
  ): void => {
    if (offset < 0 || offset > end) throw new RangeError(`${bytes.length} bytes at ${offset} of a torrent of ${end}`);
    const spans = fileSpans(layout.files, offset, bytes.length);
    // What is in no file: a gap.
    if (spans.reduce((sum, { length }) => sum + length, 0) < bytes.length) use(bytes);
    for (const span of spans) {
      const from = (layout.files[span.file]?.offset ?? 0) + span.offset - offset;
      use(bytes.subarray(from, from + span.length), placeOf(span));
    }
  };

  const placeOf = (span: FileSpan) => {
    const file = layout.files[span.file];
    if (file === undefined || file.kind === "pad") return undefined;
    return file.kind === "aside"
      ? { path: layout.asidePath, position: file.offset + span.offset }
      : { path: file.path, position: span.offset };
  };

  /** Runs synchronous code that throws only `StorageError`s of this file. */
  const attempt = <A>(run: () => A): Effect.Effect<A, StorageError> =>
    Effect.suspend(() => {
      try {
        return Effect.succeed(run());
      } catch (cause) {
        return cause instanceof StorageError ? Effect.fail(cause) : Effect.die(cause);
      }
    });

  return {
    write: (offset, bytes) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        attempt(() => {
          if (offset + bytes.length > end)
            throw new RangeError(`${bytes.length} bytes at ${offset} of a torrent of ${end}`);
          eachPart(offset, bytes, (part, place) => {
            if (place !== undefined) writeFile(place.path, place.position, part, now);
          });
        }),
      ),
    read: (offset, into) =>
      attempt(() =>
        eachPart(offset, into, (part, place) => {
          if (place === undefined) return void part.fill(0);
          const file = files.get(place.path);
          if (file === undefined || place.position + part.length > file.size) {
            throw fail("read", place.path, { _tag: "Missing" });
          }
          part.set(file.room.subarray(place.position, place.position + part.length));
        }),
      ),
    adopt: (offset, length) =>
      Effect.sync(() => {
        for (const span of fileSpans(layout.files, offset, length)) {
          const place = placeOf(span);
          if (place !== undefined) dirty.add(place.path);
        }
      }),
    sync: attempt(() => {
      for (const path of dirty) {
        const file = files.get(path);
        if (file === undefined) throw fail("sync", path, { _tag: "Missing" });
        file.durable = file.room.slice(0, file.size);
        dirty.delete(path);
      }
    }),
    intact: attempt(() => {
      for (const path of written) if (!files.has(path)) throw fail("stat", path, { _tag: "Missing" });
    }),
    survey: attempt(() =>
      layout.files.map((file): FileState => {
        if (file.kind === "pad") return { exists: true, size: file.length, modified: 0 };
        const path = file.kind === "aside" ? layout.asidePath : file.path;
        const found = files.get(path);
        if (found === undefined) {
          if (isFolder(files, path)) throw fail("stat", path, { _tag: "IsFolder" });
          return { exists: false, size: 0, modified: 0 };
        }
        written.add(path);
        const size = file.kind === "aside" ? Math.min(Math.max(found.size - file.offset, 0), file.length) : found.size;
        return file.kind === "aside" && size === 0
          ? { exists: false, size: 0, modified: 0 }
          : { exists: true, size, modified: found.modified };
      }),
    ),
    finish: Effect.flatMap(Clock.currentTimeMillis, (now) =>
      attempt(() => {
        for (const file of layout.files) {
          if (file.kind !== "write" || file.link !== undefined) continue;
          const found = file.length === 0 ? fileAt(file.path, now) : files.get(file.path);
          if (found === undefined || found.size < file.length) throw fail("write", file.path, { _tag: "Missing" });
          found.size = file.length;
          found.executable ||= file.executable;
        }
        if (!hasAside) files.delete(layout.asidePath);
      }),
    ),
    free: Effect.succeed(FREE),
  };
};

/** Storage in memory, on a disk that starts empty. */
export const layer: Layer.Layer<Storage | MemoryDisk> = Layer.effect(
  Storage,
  Effect.map(MemoryDisk, ({ files }) =>
    Storage.of({
      open: (layout) => Effect.sync(() => open(files, layout)),
      inspect: (path) => Effect.sync(() => (files.has(path) ? "file" : isFolder(files, path) ? "folder" : "none")),
      names: (folder) =>
        Effect.sync(() => {
          const names = [...files.keys()]
            .filter((path) => path.startsWith(`${folder}/`))
            .map((path) => path.slice(folder.length + 1).split("/", 1)[0] ?? "");
          return [...new Set(names)];
        }),
    }),
  ),
).pipe(Layer.provideMerge(Layer.effect(MemoryDisk, makeDisk)));
