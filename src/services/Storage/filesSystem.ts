/**
 * Node's file calls as effects that fail with a `DiskFault`; nothing is decided here. A call that has begun cannot be taken back, so none
 * of them can be interrupted: a buffer or a descriptor is free again when the effect is over.
 */
import * as Effect from "effect/Effect";
import * as Fs from "node:fs";
import * as Path from "node:path";
import { type DiskFault, fault } from "./errno.ts";
import type { Pace } from "./filesPace.ts";

/** Calls under way at once on behalf of one method of a storage; Node's pool has 4 threads. */
export const CALLS = 8;

type Done<A> = (error: NodeJS.ErrnoException | null, value: A) => void;

const call = <A>(path: string, run: (done: Done<A>) => void): Effect.Effect<A, DiskFault> =>
  Effect.uninterruptible(
    Effect.callback<A, DiskFault>((resume) => {
      try {
        run((error, value) => resume(error ? failing(path, error) : Effect.succeed(value)));
      } catch (cause) {
        resume(Effect.fail(fault(path, cause)));
      }
    }),
  );

/** At once while `pace` is quick, else by the pool. */
const paced = <A>(
  path: string,
  pace: Pace | undefined,
  here: () => A,
  there: (done: Done<A>) => void,
): Effect.Effect<A, DiskFault> =>
  Effect.suspend(() => {
    if (pace === undefined || !pace.isQuick()) return call(path, there);
    try {
      return Effect.succeed(pace.run(here));
    } catch (cause) {
      // Calls of node:fs throw nothing else.
      return failing(path, cause as NodeJS.ErrnoException);
    }
  });

/** How a call on `path` failed; where a file is in the way of a folder, it is that file which is named. */
const failing = (path: string, cause: NodeJS.ErrnoException): Effect.Effect<never, DiskFault> => {
  const failure = fault(path, cause);
  const above = Path.dirname(path);
  if (failure.code !== "ENOTDIR" || above === path) return Effect.fail(failure);
  return Effect.matchEffect(stat(above), {
    onFailure: (other) => Effect.fail(other.code === "ENOTDIR" ? other : failure),
    onSuccess: (entry) => Effect.fail(entry.isDirectory() ? failure : fault(above, cause)),
  });
};

/** Opens; files are made with the permissions that the umask leaves. Never waits for the other end of a pipe. By the pool when there is no `pace`. */
export const open = (path: string, flags: number, pace?: Pace): Effect.Effect<number, DiskFault> => {
  const how = flags | Fs.constants.O_NONBLOCK;
  return paced(
    path,
    pace,
    () => Fs.openSync(path, how, 0o666),
    (done) => Fs.open(path, how, 0o666, done),
  );
};

/** Closes a descriptor; what a close may say of earlier writes, `fdatasync` has said before. By the pool when there is no `pace`. */
export const close = (fd: number, pace?: Pace): Effect.Effect<void> =>
  Effect.ignore(
    paced(
      "",
      pace,
      () => Fs.closeSync(fd),
      (done: Done<void>) => Fs.close(fd, (error) => done(error ?? null)),
    ),
  );

/** What a call gives that is made at once; nothing where it fails: the effect of the same name tells why. */
const orNothing = <A>(pace: Pace, here: () => A): A | undefined => {
  try {
    return pace.run(here);
  } catch {
    return undefined;
  }
};

/** Opens at once, as `open` does. */
export const openNow = (path: string, flags: number, pace: Pace): number | undefined =>
  orNothing(pace, () => Fs.openSync(path, flags | Fs.constants.O_NONBLOCK, 0o666));

/** Closes at once, as `close` does. */
export const closeNow = (fd: number, pace: Pace): void => orNothing(pace, () => Fs.closeSync(fd));

/** Looks at once, as `stat` does. */
export const statNow = (path: string, pace: Pace): Fs.Stats | undefined =>
  orNothing(pace, () => Fs.statSync(path, { throwIfNoEntry: false }));

/** Makes a file's data durable. */
export const fdatasync = (path: string, fd: number): Effect.Effect<void, DiskFault> =>
  call(path, (done: Done<void>) => Fs.fdatasync(fd, (error) => done(error)));

/** Makes a folder's entries durable; where a system cannot open folders (Windows) there is nothing to do. */
export const syncFolder = (path: string): Effect.Effect<void, DiskFault> =>
  process.platform === "win32"
    ? Effect.void
    : Effect.acquireUseRelease(
        open(path, Fs.constants.O_RDONLY),
        (fd) => call(path, (done: Done<void>) => Fs.fsync(fd, (error) => done(error))),
        (fd) => close(fd),
      );

/** Follows symbolic links. By the pool when there is no `pace`. */
export const stat = (path: string, pace?: Pace): Effect.Effect<Fs.Stats, DiskFault> =>
  paced(
    path,
    pace,
    () => Fs.statSync(path),
    (done) => Fs.stat(path, done),
  );

/** Of an open file. */
export const fstat = (path: string, fd: number): Effect.Effect<Fs.Stats, DiskFault> =>
  call(path, (done) => Fs.fstat(fd, done));

/** Does not follow symbolic links. */
export const lstat = (path: string): Effect.Effect<Fs.Stats, DiskFault> => call(path, (done) => Fs.lstat(path, done));

/** Resolves all symbolic links. */
export const realpath = (path: string): Effect.Effect<string, DiskFault> =>
  call(path, (done) => Fs.realpath.native(path, done));

/** The names in a folder. */
export const readdir = (path: string): Effect.Effect<ReadonlyArray<string>, DiskFault> =>
  call(path, (done) => Fs.readdir(path, done));

/** Makes one folder, with the permissions that the umask leaves of `mode`. */
export const mkdir = (path: string, mode = 0o777): Effect.Effect<void, DiskFault> =>
  call(path, (done: Done<void>) => Fs.mkdir(path, mode, (error) => done(error)));

/** Sets a file's length in bytes. */
export const truncate = (path: string, length: number): Effect.Effect<void, DiskFault> =>
  call(path, (done: Done<void>) => Fs.truncate(path, length, (error) => done(error)));

/** Sets permissions. */
export const chmod = (path: string, mode: number): Effect.Effect<void, DiskFault> =>
  call(path, (done: Done<void>) => Fs.chmod(path, mode, (error) => done(error)));

/** Removes a file; that it is not there is fine. */
export const remove = (path: string): Effect.Effect<void, DiskFault> =>
  call(path, (done: Done<void>) => Fs.unlink(path, (error) => done(error?.code === "ENOENT" ? null : error)));

/** Makes a symbolic link; one that is there already stays. */
export const symlink = (target: string, path: string): Effect.Effect<void, DiskFault> =>
  call(path, (done: Done<void>) => Fs.symlink(target, path, (error) => done(error?.code === "EEXIST" ? null : error)));

/** Bytes free for this user on the file system of `path`. */
export const statfs = (path: string): Effect.Effect<number, DiskFault> =>
  Effect.map(
    call<Fs.StatsFs>(path, (done) => Fs.statfs(path, done)),
    (fs) => fs.bavail * fs.bsize,
  );
