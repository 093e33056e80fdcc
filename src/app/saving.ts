/** Puts a .torrent that was made where the command line says: into a file, in one step, or onto standard output. */
import * as Effect from "effect/Effect";
import * as FileSystem from "effect/FileSystem";
import type { PlatformError } from "effect/PlatformError";
import * as Stdio from "effect/Stdio";
import * as Stream from "effect/Stream";
import { StorageError, type StorageReason } from "../schema/errors/StorageError.ts";
import { systemCode } from "../services/systemCode.ts";

const reasonOf = (error: PlatformError): StorageReason => {
  const { reason } = error;
  if (reason._tag === "PermissionDenied") return { _tag: "NoPermission" };
  switch (systemCode(reason.cause)) {
    case "ENOSPC":
      return { _tag: "NoSpace" };
    case "EROFS":
      return { _tag: "ReadOnly" };
    case "EISDIR":
      return { _tag: "IsFolder" };
    case "ENOTDIR":
      return { _tag: "NotFolder" };
    case "ENOENT":
      return { _tag: "Other", cause: new Error("no such folder") };
    default:
      return { _tag: "Other", cause: new Error(reason.description ?? reason._tag) };
  }
};

/** Writes the bytes to `out`; `-` is standard output. A file that is there is replaced. */
export const saveBytes = Effect.fnUntraced(function* (out: string, bytes: Uint8Array) {
  const path = out === "-" ? "standard output" : out;
  const refuse = (error: PlatformError) => new StorageError({ operation: "write", path, reason: reasonOf(error) });
  if (out === "-") {
    const stdio = yield* Stdio.Stdio;
    return yield* Effect.mapError(Stream.run(Stream.succeed(bytes), stdio.stdout({ endOnDone: false })), refuse);
  }
  const fs = yield* FileSystem.FileSystem;
  const beside = `${out}.part`;
  yield* fs.writeFile(beside, bytes).pipe(
    Effect.andThen(fs.rename(beside, out)),
    Effect.tapError(() => Effect.ignore(fs.remove(beside))),
    Effect.mapError(refuse),
  );
});
