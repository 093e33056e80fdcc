/**
 * Storage on the file system. A write to files that are open already is one `write` call for each and nothing else; everything slower (folders, openings
 * that wait) is apart from that path. Where the file system is quick, short calls are made on the main thread (`filesPace.ts`).
 *
 * Files grow as they are written, with holes, and nothing is allocated ahead: so a file's size vouches that nothing was cut off up to the last byte
 * written, and only `finish` demands full length.
 */
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type * as Fs from "node:fs";
import * as Path from "node:path";
import { type FileSpan, fileSpans } from "../../schema/geometry.ts";
import { type DiskFault, storageError } from "./errno.ts";
import * as Folders from "./filesFolders.ts";
import * as Handles from "./filesHandles.ts";
import * as Intact from "./filesIntact.ts";
import * as Moves from "./filesMoves.ts";
import * as Pace from "./filesPace.ts";
import { survey } from "./filesSurvey.ts";
import * as System from "./filesSystem.ts";
import { Storage, type LayoutFile, type OpenStorage, type Place, type StorageLayout } from "./Storage.ts";

/** Files open at once, unless the layer is made with another number. */
const MAX_OPEN_FILES = 128;

/** Files that are looked at in one go, at the end. */
const LOOKS = 512;

/** Runs that are moved in one go: to make a file, write to it and close it takes the main thread some 60 µs. */
const TURN = 256;

/** What may be otherwise than in the layer that is used. */
export interface FilesOptions {
  readonly maxOpenFiles: number;
  /** Milliseconds, with fractions, by which it is told whether the disk is quick; the monotonic clock when absent. */
  readonly now?: () => number;
}

const openOutput = (layout: StorageLayout, { maxOpenFiles, now = () => performance.now() }: FilesOptions) =>
  Effect.gen(function* () {
    const { files, root } = layout;
    const end = files.reduce((most, file) => Math.max(most, file.offset + file.length), 0);
    const single = files.some((file) => file.path === root);
    const folders = Folders.make(single ? Path.dirname(root) : root);
    const asideFolders = Folders.make(Path.dirname(layout.asidePath));
    // One slot per file, and one for the file of what is kept aside.
    const asideSlot = files.length;
    const target = (slot: number): Handles.Openable => {
      const file = files[slot];
      return file === undefined
        ? { path: layout.asidePath, folders: asideFolders, named: true }
        : { path: file.path, folders, named: file.path === root };
    };
    const pace = Pace.make(now);
    const handles = Handles.make(target, maxOpenFiles, pace);
    yield* Effect.addFinalizer(() => handles.closeAll);
    const dirty = new Set<number>();
    const intact = Intact.make(files.length + 1, (slot) => target(slot).path, handles);
    // Once per file: which slot its bytes go to and what is added to a position in it; -1 for pads.
    const slots = Int32Array.from(files, (file, index) =>
      file.kind === "pad" ? -1 : file.kind === "aside" ? asideSlot : index,
    );

    const positionOf = (slot: number, span: FileSpan): number =>
      slot === asideSlot ? (files[span.file]?.offset ?? 0) + span.offset : span.offset;

    /** Both ways of the traffic differ in what is done with a handle and with a pad. */
    const transfer = (
      writable: boolean,
      move: Moves.Move,
      pad: (bytes: Uint8Array) => void,
      finished: (handle: Handles.Handle, end: number) => void,
    ): ((offset: number, bytes: Uint8Array) => Effect.Effect<void, DiskFault>) => {
      const take = writable ? handles.takeNow : (slot: number) => handles.take(slot, false);
      const moveLater = (run: Moves.Run): Effect.Effect<unknown, DiskFault> =>
        Effect.flatMap(handles.acquire(run.slot, writable), (handle) =>
          Moves.moveAll(move, [run], () => handle, finished),
        );
      const moveSome = (runs: ReadonlyArray<Moves.Run>): Effect.Effect<void, DiskFault> =>
        Effect.flatMap(Moves.moveAll(move, runs, take, finished), (moved) =>
          moved === runs.length
            ? Effect.void
            : Effect.forEach(runs.slice(moved), moveLater, { concurrency: System.CALLS, discard: true }),
        );
      const moveInTurns = Effect.fnUntraced(function* (runs: ReadonlyArray<Moves.Run>) {
        for (let first = 0; first < runs.length; first += TURN) {
          // Whatever else there is to do comes first, in between.
          if (first > 0) yield* Effect.yieldNow;
          yield* moveSome(runs.slice(first, first + TURN));
        }
      });
      return (offset, bytes) => {
        // A read may end in the gap behind the last file.
        if (offset < 0 || offset + (writable ? bytes.length : 0) > end)
          return Effect.die(new RangeError(`${bytes.length} bytes at ${offset} of a torrent of ${end}`));
        const runs: Array<Moves.Run> = [];
        let inFiles = 0;
        for (const span of fileSpans(files, offset, bytes.length)) {
          inFiles += span.length;
          const slot = slots[span.file] ?? -1;
          const from = (files[span.file]?.offset ?? 0) + span.offset - offset;
          const part = bytes.subarray(from, from + span.length);
          if (slot === -1) pad(part);
          else runs.push({ slot, bytes: part, position: positionOf(slot, span) });
        }
        // What is in no file: a gap.
        if (inFiles < bytes.length) pad(bytes);
        return runs.length <= TURN ? moveSome(runs) : moveInTurns(runs);
      };
    };
    const write = transfer(
      true,
      Moves.writer(pace),
      () => undefined,
      (handle, end) => {
        dirty.add(handle.slot);
        intact.wrote(handle.slot, end);
        handles.release(handle);
      },
    );
    const read = transfer(false, Moves.read, (part) => void part.fill(0), handles.release);

    const placeOf = (span: FileSpan): Effect.Effect<Place, DiskFault> => {
      const slot = slots[span.file] ?? -1;
      if (slot === -1) return Effect.succeed({ length: span.length });
      const { path, named, folders } = target(slot);
      const place: Place = { length: span.length, file: { path, named, position: positionOf(slot, span) } };
      return Effect.as(folders.enter(Path.dirname(path), false), place);
    };

    const syncSlot = (slot: number): Effect.Effect<void, DiskFault> =>
      Effect.acquireUseRelease(
        handles.acquire(slot, false),
        (handle) =>
          Effect.gen(function* () {
            // Written to while it runs: dirty again.
            dirty.delete(slot);
            yield* System.fdatasync(handle.path, handle.fd);
            // Written to, but no longer in any folder: removed meanwhile.
            if ((yield* System.fstat(handle.path, handle.fd)).nlink === 0) return yield* Intact.missing(handle.path);
          }),
        (handle) => Effect.sync(() => handles.release(handle)),
      ).pipe(Effect.tapError(() => Effect.sync(() => dirty.add(slot))));

    const sync = Effect.suspend(() => {
      return Effect.forEach([...dirty], syncSlot, { concurrency: System.CALLS, discard: true });
    }).pipe(Effect.andThen(folders.sync(handles.beside)), Effect.andThen(asideFolders.sync(handles.beside)));

    const shape = (file: LayoutFile, stats: Fs.Stats): Effect.Effect<void, DiskFault> => {
      if (stats.size < file.length) return Effect.fail(Intact.missing(file.path));
      const cut = stats.size > file.length ? System.truncate(file.path, file.length) : Effect.void;
      if (!file.executable) return cut;
      // Whoever may read it may run it: what the umask has withheld stays withheld.
      return Effect.andThen(cut, System.chmod(file.path, (stats.mode | ((stats.mode & 0o444) >>> 2)) & 0o7777));
    };

    // No generator for each of many files.
    const finishFile = (file: LayoutFile, index: number): Effect.Effect<void, DiskFault> => {
      if (file.link !== undefined)
        return Effect.andThen(folders.enter(Path.dirname(file.path), true), System.symlink(file.link, file.path));
      const looked = Effect.flatMap(System.stat(file.path, pace), (stats) => shape(file, stats));
      return file.length > 0
        ? looked
        : Effect.andThen(Effect.map(handles.acquire(index, true), handles.release), looked);
    };

    /** Whether one look, made at once, shows that nothing is left to do. */
    const isFinished = (file: LayoutFile): boolean => {
      if (file.kind !== "write") return true;
      if (file.link !== undefined || file.length === 0 || file.executable || !pace.isQuick()) return false;
      return System.statNow(file.path, pace)?.size === file.length;
    };

    const finishFrom = (first: number): Effect.Effect<void, DiskFault> =>
      Effect.suspend(() => {
        const left: Array<Effect.Effect<void, DiskFault>> = [];
        for (const [index, file] of files.slice(first, first + LOOKS).entries())
          if (!isFinished(file)) left.push(finishFile(file, first + index));
        return Effect.all(left, { concurrency: System.CALLS, discard: true });
      });

    const finish = Effect.gen(function* () {
      for (let first = 0; first < files.length; first += LOOKS) {
        // Whatever else there is to do comes first, in between.
        if (first > 0) yield* Effect.yieldNow;
        yield* finishFrom(first);
      }
      if (!slots.includes(asideSlot)) yield* System.remove(layout.asidePath);
    });

    const free = (folder: string): Effect.Effect<number, DiskFault> =>
      System.statfs(folder).pipe(
        Effect.catchIf(
          (failure) => failure.code === "ENOENT" && Path.dirname(folder) !== folder,
          () => free(Path.dirname(folder)),
        ),
      );

    const edge = <A>(
      operation: Parameters<typeof storageError>[0],
      effect: Effect.Effect<A, DiskFault>,
    ): Effect.Effect<A, ReturnType<ReturnType<typeof storageError>>> =>
      Effect.uninterruptible(Effect.mapError(effect, storageError(operation)));

    const output: OpenStorage = {
      write: (offset, bytes) =>
        edge(
          "write",
          Effect.suspend(() => write(offset, bytes)),
        ),
      read: Object.assign(
        (offset: number, into: Uint8Array) =>
          edge(
            "read",
            Effect.suspend(() => read(offset, into)),
          ),
        {
          places: (offset: number, length: number) =>
            edge("read", Effect.forEach(fileSpans(files, offset, length), placeOf)),
        },
      ),
      adopt: (offset, length) =>
        Effect.sync(() => {
          for (const { file } of fileSpans(files, offset, length)) {
            const slot = slots[file] ?? -1;
            if (slot !== -1) dirty.add(slot);
          }
        }),
      sync: edge("sync", sync),
      intact: edge("stat", intact.look),
      survey: edge(
        "stat",
        survey(layout, (file) => handles.saw(file === "aside" ? asideSlot : file)),
      ),
      finish: edge("write", finish),
      free: edge("stat", free(root)),
    };
    return output;
  });

/** Storage on the file system, with options of its own. */
export const layerWith = (options: FilesOptions): Layer.Layer<Storage> =>
  Layer.succeed(
    Storage,
    Storage.of({
      open: (layout) => openOutput(layout, options),
      inspect: (path) =>
        System.stat(path).pipe(
          Effect.map((stats) => (stats.isDirectory() ? ("folder" as const) : ("file" as const))),
          Effect.catchIf(
            (failure) => failure.code === "ENOENT" || failure.code === "ENOTDIR",
            () => Effect.succeed("none" as const),
          ),
          Effect.mapError(storageError("stat")),
        ),
      names: (folder) =>
        System.readdir(folder).pipe(
          Effect.catchIf(
            (failure) => failure.code === "ENOENT" || failure.code === "ENOTDIR",
            () => Effect.succeed([]),
          ),
          Effect.mapError(storageError("stat")),
        ),
    }),
  );

/** Storage on the file system. */
export const layer: Layer.Layer<Storage> = layerWith({ maxOpenFiles: MAX_OPEN_FILES });
