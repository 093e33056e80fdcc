/**
 * The open files of one output: at most so many at a time, the one idle longest closed first, none while a call is using it. A file that
 * was seen once and is gone at the next opening is missing, not new.
 *
 * Life cycle: `take` or `acquire`, use, `release`; `closeAll` at the end. State lives in this closure; nothing here runs in parallel but
 * openings of different files.
 */
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Fs from "node:fs";
import * as Path from "node:path";
import { DiskFault } from "./errno.ts";
import type { Folders } from "./filesFolders.ts";
import type { Pace } from "./filesPace.ts";
import * as System from "./filesSystem.ts";

/** An open file; in use until it is released. */
export interface Handle {
  readonly slot: number;
  readonly path: string;
  readonly fd: number;
  readonly writable: boolean;
}

interface Entry extends Handle {
  users: number;
  /** Out of the table; to be closed when its last user is done. */
  retired: boolean;
}

/** A file that may be opened. */
export interface Openable {
  readonly path: string;
  /** The guard of its folder. */
  readonly folders: Folders;
  /** The output itself, named by the user: a symbolic link is followed wherever it leads. */
  readonly named: boolean;
}

/** The open files of one output. */
export interface Handles {
  /** The open file of a slot, in use from now on; absent when it is not open that way. */
  readonly take: (slot: number, writable: boolean) => Handle | undefined;
  /** As `take`, to write, and opens the file where that is quick and nothing is in its way; where it is absent, `acquire` opens it or tells why not. */
  readonly takeNow: (slot: number) => Handle | undefined;
  /** Opens the file when `take` has nothing; writing makes it unless it was seen before. */
  readonly acquire: (slot: number, writable: boolean) => Effect.Effect<Handle, DiskFault>;
  readonly release: (handle: Handle) => void;
  /** The file is on disk: from now on its absence is a loss. */
  readonly saw: (slot: number) => void;
  /** Runs what needs a descriptor of its own for a while. */
  readonly beside: (effect: Effect.Effect<void, DiskFault>) => Effect.Effect<void, DiskFault>;
  readonly closeAll: Effect.Effect<void>;
}

/** Descriptors left to the rest of the program (sockets, records) once it has run out of them. */
const SPARE = 8;

const { O_CREAT, O_NOFOLLOW, O_RDONLY, O_RDWR } = Fs.constants;

/** Handles on the files that `target` names by slot, at most `limit` open at a time; files to write to are opened, and all are closed, at `pace`. */
export const make = (target: (slot: number) => Openable, limit: number, pace: Pace): Handles => {
  // In order of use: a Map keeps insertion order, so the first entry is the one idle longest.
  const open = new Map<number, Entry>();
  const opening = new Map<number, Deferred.Deferred<void>>();
  const seen = new Set<number>();
  // Descriptors that are open or being opened; at most `most`.
  let held = 0;
  let openings = 0;
  let most = limit;
  /** An opening failed because the process may have no more open; others are still under way. */
  let exhausted = false;
  /** How often `most` was lowered. */
  let reductions = 0;
  let closed = false;
  const waiting = new Set<Deferred.Deferred<void>>();

  /** Something was closed or is idle: of those who wait for room the first one looks again, for there is room for one. */
  const wake = (): void => {
    const [first] = waiting;
    if (first === undefined) return;
    waiting.delete(first);
    Deferred.doneUnsafe(first, Effect.void);
  };

  /** Until there may be room. Who is interrupted when it was told so tells the next. */
  const room = Effect.suspend(() => {
    const turn = Deferred.makeUnsafe<void>();
    waiting.add(turn);
    return Effect.onInterrupt(Deferred.await(turn), () => Effect.sync(() => void (waiting.delete(turn) || wake())));
  });

  const freed = (): void => {
    held--;
    wake();
  };

  const retire = (entry: Entry): void => {
    if (open.get(entry.slot) === entry) open.delete(entry.slot);
    entry.retired = true;
  };

  const close = (fd: number): Effect.Effect<void> => Effect.andThen(System.close(fd, pace), Effect.sync(freed));

  const release = (handle: Handle): void => {
    // Handles are only ever made here, as entries.
    const entry = handle as Entry;
    entry.users--;
    if (entry.users > 0) return;
    if (entry.retired) Fs.close(entry.fd, freed);
    else wake();
  };

  const idle = (): Entry | undefined => {
    for (const entry of open.values()) if (entry.users === 0) return entry;
    return undefined;
  };

  const full = (): boolean => exhausted || held >= most;

  /** Takes a descriptor's place, that of the file idle longest if need be; waits while all are in use. */
  const reserve = Effect.gen(function* () {
    while (full()) {
      const entry = exhausted ? undefined : idle();
      if (entry === undefined) yield* room;
      else {
        retire(entry);
        yield* close(entry.fd);
      }
    }
    held++;
  });

  /** Does with fewer from now on than are open. */
  const lower = (): void => {
    exhausted = false;
    reductions++;
    most = Math.min(most, Math.max(1, held - SPARE));
    // Who is told looks at once, and may wait again.
    const all = [...waiting];
    waiting.clear();
    for (const turn of all) Deferred.doneUnsafe(turn, Effect.void);
  };

  /**
   * Opens something that is to be counted until `freed`. When the process may not have more open, nothing else is opened until those that are being opened
   * have been, or have failed for the same reason: only then is it known how many may be.
   */
  const counted = <A>(opening: Effect.Effect<A, DiskFault>): Effect.Effect<A, DiskFault> =>
    Effect.andThen(
      reserve,
      Effect.suspend(() => {
        openings++;
        const before = reductions;
        const ended = Effect.sync(() => {
          openings--;
          if (exhausted && openings === 0) lower();
        });
        return opening.pipe(
          Effect.tapError(() => Effect.sync(freed)),
          Effect.ensuring(ended),
          Effect.catchIf(
            (failure) => (failure.code === "EMFILE" || failure.code === "ENFILE") && held > 0,
            () => {
              if (openings > 0) exhausted = true;
              else if (before === reductions) lower();
              return counted(opening);
            },
          ),
        );
      }),
    );

  const take = (slot: number, writable: boolean): Entry | undefined => {
    const entry = open.get(slot);
    if (entry === undefined || (writable && !entry.writable)) return undefined;
    open.delete(slot);
    open.set(slot, entry);
    entry.users++;
    return entry;
  };

  const enter = (slot: number, fd: number, writable: boolean): Entry => {
    const entry: Entry = { slot, path: target(slot).path, fd, writable, users: 1, retired: false };
    open.set(slot, entry);
    return entry;
  };

  /** A descriptor's place without waiting. */
  const reserveNow = (): boolean => {
    if (exhausted || waiting.size > 0) return false;
    const entry = full() ? idle() : undefined;
    if (entry !== undefined) {
      retire(entry);
      System.closeNow(entry.fd, pace);
      held--;
    }
    return !full();
  };

  const openNow = (slot: number): Entry | undefined => {
    if (closed || open.has(slot) || opening.has(slot) || !pace.isQuick()) return undefined;
    const { path, folders, named } = target(slot);
    const folder = Path.dirname(path);
    if (named || !folders.isKnown(folder) || !reserveNow()) return undefined;
    const creating = !seen.has(slot);
    const fd = System.openNow(path, O_RDWR | O_NOFOLLOW | (creating ? O_CREAT : 0), pace);
    if (fd === undefined) return undefined;
    held++;
    seen.add(slot);
    if (creating) folders.touched(folder);
    return enter(slot, fd, true);
  };

  const openPath = (slot: number, writable: boolean): Effect.Effect<number, DiskFault> =>
    Effect.gen(function* () {
      const { path, folders, named } = target(slot);
      yield* folders.enter(Path.dirname(path), writable);
      const creating = writable && !seen.has(slot);
      const flags = (writable ? O_RDWR : O_RDONLY) | (creating ? O_CREAT : 0);
      // A file that is only read may lie on a disk that sleeps: a seed's disk often does.
      const at = writable ? pace : undefined;
      const fd = yield* System.open(path, named ? flags : flags | O_NOFOLLOW, at).pipe(
        Effect.catchIf(
          (failure) => failure.code === "ELOOP" && !named,
          () => Effect.andThen(folders.contains(path), System.open(path, flags, at)),
        ),
      );
      seen.add(slot);
      if (creating) folders.touched(Path.dirname(path));
      return fd;
    });

  // A sync that was left alone may outlive the output.
  const afterEnd = (slot: number): DiskFault =>
    new DiskFault({ code: "EBADF", path: target(slot).path, cause: new Error("the output was closed meanwhile") });

  const acquire = (slot: number, writable: boolean): Effect.Effect<Handle, DiskFault> =>
    Effect.gen(function* () {
      for (;;) {
        if (closed) return yield* afterEnd(slot);
        const ready = take(slot, writable);
        if (ready !== undefined) return ready;
        const other = opening.get(slot);
        if (other !== undefined) {
          yield* Deferred.await(other);
          continue;
        }
        const done = Deferred.makeUnsafe<void>();
        opening.set(slot, done);
        const fd = yield* counted(openPath(slot, writable)).pipe(
          Effect.ensuring(
            Effect.sync(() => {
              opening.delete(slot);
              Deferred.doneUnsafe(done, Effect.void);
            }),
          ),
        );
        if (closed) return yield* Effect.andThen(close(fd), afterEnd(slot));
        const former = open.get(slot);
        if (former !== undefined) {
          retire(former);
          if (former.users === 0) yield* close(former.fd);
        }
        return enter(slot, fd, writable);
      }
    });

  return {
    take,
    takeNow: (slot) => take(slot, true) ?? openNow(slot),
    acquire,
    release,
    saw: (slot) => void seen.add(slot),
    beside: (effect) => Effect.tap(counted(effect), () => Effect.sync(freed)),
    closeAll: Effect.suspend(() => {
      const entries = [...open.values()];
      closed = true;
      open.clear();
      return Effect.forEach(
        entries,
        (entry) => {
          entry.retired = true;
          return entry.users > 0 ? Effect.void : close(entry.fd);
        },
        { concurrency: "unbounded", discard: true },
      );
    }),
  };
};
