/** Failures of the disk; they end the download in order, with its state saved (status 4). */
import * as Data from "effect/Data";
import { kebab } from "./kebab.ts";

const MEBIBYTE = 2 ** 20;

/** Why the disk said no; sizes in bytes. */
export type StorageReason =
  | { readonly _tag: "NoSpace"; readonly needed?: number; readonly free?: number }
  | { readonly _tag: "NoPermission" }
  | { readonly _tag: "ReadOnly" }
  /** A folder where a file should be. */
  | { readonly _tag: "IsFolder" }
  /** A file where a folder should be, at the path or above it. */
  | { readonly _tag: "NotFolder" }
  /** Bytes that should be there are not. */
  | { readonly _tag: "Missing" }
  /** A complete output is gone together with the folder it was in: a disk that is not mounted. */
  | { readonly _tag: "Gone" }
  /** A non-empty file that has nothing in common with the torrent. */
  | { readonly _tag: "Foreign" }
  /** Another run is at work on the same output. */
  | { readonly _tag: "Busy"; readonly pid?: number }
  | { readonly _tag: "TooManyOpen" }
  | { readonly _tag: "NameTooLong" }
  | { readonly _tag: "TooLarge" }
  /** The resolved path would leave the output folder (a symbolic link on disk, for instance). */
  | { readonly _tag: "Escapes" }
  | { readonly _tag: "Other"; readonly cause: unknown };

const sentence = (reason: StorageReason): string => {
  switch (reason._tag) {
    case "NoSpace":
      return reason.needed === undefined
        ? "the disk is full; free some space and run the same command again to continue"
        : `not enough space: ${Math.ceil(reason.needed / MEBIBYTE)} MiB needed, ${Math.floor((reason.free ?? 0) / MEBIBYTE)} MiB free; free some space and run the same command again`;
    case "NoPermission":
      return "no permission; choose another output or change its permissions, then run the same command again";
    case "ReadOnly":
      return "the file system is read-only; choose another output";
    case "IsFolder":
      return "is a folder, but a file has to go there; move it away or choose another output";
    case "NotFolder":
      return "a file is in the way where a folder has to be; move it away or choose another output";
    case "Missing":
      return "was removed or cut short while in use; run the same command again to fetch what is missing";
    case "Gone":
      return "was complete, but the folder it was in is gone; mount the disk, or make that folder to fetch everything again";
    case "Foreign":
      return "exists and has nothing in common with the torrent; choose another output, or replace it with --overwrite";
    case "Busy":
      return `another run${reason.pid === undefined ? "" : ` (process ${reason.pid})`} is already at work on this output; wait for it or stop it`;
    case "TooManyOpen":
      return "too many open files; raise the limit (ulimit -n)";
    case "NameTooLong":
      return "the name is too long for this file system";
    case "TooLarge":
      return "the file is too large for this file system";
    case "Escapes":
      return "leads outside the output folder (a symbolic link in the way?); remove it or choose another output";
    case "Other":
      return reason.cause instanceof Error ? reason.cause.message : String(reason.cause);
  }
};

/** Reading or writing `path` failed. */
export class StorageError extends Data.TaggedError("StorageError")<{
  readonly operation: "open" | "read" | "write" | "sync" | "stat" | "lock" | "remove";
  readonly path: string;
  readonly reason: StorageReason;
}> {
  /** `storage.no-space`, `storage.foreign` … */
  get code(): string {
    return `storage.${kebab(this.reason._tag)}`;
  }
  override get message(): string {
    return `${this.path}: ${sentence(this.reason)}`;
  }
}
