/** Puts a .torrent that was made where the command line says: into a file, in one step, or onto standard output. */
import * as Effect from "effect/Effect";
import * as FileSystem from "effect/FileSystem";
import * as Option from "effect/Option";
import * as Path from "effect/Path";
import type { PlatformError } from "effect/PlatformError";
import * as Random from "effect/Random";
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

const refusal =
  (path: string) =>
  (error: PlatformError): StorageError =>
    new StorageError({ operation: "write", path, reason: reasonOf(error) });

/** Where the bytes go in the end, links followed, and what is there. */
const placeOf = Effect.fnUntraced(function* (out: string) {
  const fs = yield* FileSystem.FileSystem;
  const there = yield* Effect.option(fs.stat(out));
  if (Option.isNone(there)) return { path: out, type: "Nothing" as const };
  const { type } = there.value;
  return { path: type === "File" ? yield* fs.realPath(out) : out, type };
});

/** Fails where nothing can be written to `out`, so that nobody waits for hours for what cannot be kept. Writes nothing. */
export const canSave = Effect.fnUntraced(function* (out: string) {
  if (out === "-") return;
  const fs = yield* FileSystem.FileSystem;
  const paths = yield* Path.Path;
  const fail = (reason: StorageReason) => Effect.fail(new StorageError({ operation: "write", path: out, reason }));
  const { path, type } = yield* Effect.mapError(placeOf(out), refusal(out));
  if (type === "Directory" || out.endsWith("/")) return yield* fail({ _tag: "IsFolder" });
  if (type !== "File" && type !== "Nothing") return;
  const folder = paths.dirname(path);
  const around = yield* Effect.mapError(fs.stat(folder), refusal(out));
  if (around.type !== "Directory") return yield* fail({ _tag: "NotFolder" });
  yield* Effect.mapError(fs.access(folder, { writable: true }), refusal(out));
});

/** Writes the bytes to `out`; `-` is standard output. A file that is there is replaced in one step; what is no file, like a pipe, is written into. */
export const saveBytes = Effect.fnUntraced(function* (out: string, bytes: Uint8Array) {
  if (out === "-") {
    const stdio = yield* Stdio.Stdio;
    const run = Stream.run(Stream.succeed(bytes), stdio.stdout({ endOnDone: false }));
    return yield* Effect.mapError(run, refusal("standard output"));
  }
  const fs = yield* FileSystem.FileSystem;
  const replace = Effect.fnUntraced(function* (path: string) {
    const beside = `${path}.${yield* Random.nextIntBetween(0, 2 ** 32)}.part`;
    yield* fs.writeFile(beside, bytes, { flag: "wx" }).pipe(
      Effect.andThen(fs.rename(beside, path)),
      Effect.tapError(({ reason }) =>
        // One that was there is somebody else's.
        reason._tag === "AlreadyExists" ? Effect.void : Effect.ignore(fs.remove(beside)),
      ),
    );
  });
  yield* placeOf(out).pipe(
    Effect.flatMap(({ path, type }) =>
      type === "File" || type === "Nothing" ? replace(path) : fs.writeFile(path, bytes),
    ),
    Effect.mapError(refusal(out)),
  );
});
