/**
 * From the system's error codes to the reasons that people are told. Inside the file Layer every failure is a `DiskFault`; it becomes a
 * `StorageError` once, at the edge.
 */
import * as Data from "effect/Data";
import { StorageError, type StorageReason } from "../../schema/errors/StorageError.ts";
import { systemCode } from "../systemCode.ts";

/** A system call on `path` failed with `code` (`ENOSPC` …; conditions of our own borrow the code that fits). */
export class DiskFault extends Data.TaggedError("DiskFault")<{
  readonly code: string;
  readonly path: string;
  readonly cause: unknown;
}> {}

/** Wraps what Node throws or hands to a callback. */
export const fault = (path: string, cause: unknown): DiskFault =>
  new DiskFault({
    code: systemCode(cause) || "EUNKNOWN",
    path,
    cause,
  });

const reasons: Readonly<Record<string, StorageReason>> = {
  ENOSPC: { _tag: "NoSpace" },
  EDQUOT: { _tag: "NoSpace" },
  EACCES: { _tag: "NoPermission" },
  EPERM: { _tag: "NoPermission" },
  EROFS: { _tag: "ReadOnly" },
  EISDIR: { _tag: "IsFolder" },
  ENOTDIR: { _tag: "NotFolder" },
  // A file where a folder is to be made.
  EEXIST: { _tag: "NotFolder" },
  ENOENT: { _tag: "Missing" },
  EMFILE: { _tag: "TooManyOpen" },
  ENFILE: { _tag: "TooManyOpen" },
  ENAMETOOLONG: { _tag: "NameTooLong" },
  EFBIG: { _tag: "TooLarge" },
  // A symbolic link where none is followed.
  ELOOP: { _tag: "Escapes" },
};

/** The error that people see for a fault during `operation`. */
export const storageError =
  (operation: StorageError["operation"]) =>
  (failure: DiskFault): StorageError =>
    new StorageError({
      operation,
      path: failure.path,
      reason: reasons[failure.code] ?? { _tag: "Other", cause: failure.cause },
    });
