/** Reads the list of `--ip-filter`, packed with gzip or not. Loaded only where one is given. */
import * as Effect from "effect/Effect";
import * as FileSystem from "effect/FileSystem";
import * as Result from "effect/Result";
import { type IpFilter, MAX_FILTER_BYTES, parseIpFilter } from "../schema/ipFilter.ts";
import { UsageError } from "./UsageError.ts";

const bad = (problem: string) =>
  new UsageError({
    kind: "ip-filter",
    problem,
    hint: "it takes lines of P2P, DAT or CIDR form, packed with gzip or not",
  });

const unpack = (path: string, bytes: Uint8Array): Effect.Effect<Uint8Array, UsageError> =>
  bytes[0] !== 0x1f || bytes[1] !== 0x8b
    ? Effect.succeed(bytes)
    : Effect.callback((resume) =>
        process
          .getBuiltinModule("node:zlib")
          .gunzip(bytes, { maxOutputLength: MAX_FILTER_BYTES }, (cause, unpacked) => {
            if (cause === null) return resume(Effect.succeed(unpacked));
            resume(Effect.fail(bad(`the list ${path} cannot be unpacked: ${cause.message}`)));
          }),
      );

/** The ranges in the file; what cannot be read or understood is a mistake of usage. */
export const readIpFilter = Effect.fnUntraced(function* (
  path: string,
): Effect.fn.Return<IpFilter, UsageError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem;
  const unreadable = (error: { readonly message: string }) => bad(`the list ${path} cannot be read: ${error.message}`);
  const { size } = yield* Effect.mapError(fs.stat(path), unreadable);
  if (Number(size) > MAX_FILTER_BYTES) return yield* bad(`the list ${path} is larger than ${MAX_FILTER_BYTES} bytes`);
  const packed = yield* Effect.mapError(fs.readFile(path), unreadable);
  const text = new TextDecoder("latin1").decode(yield* unpack(path, packed));
  const filter = parseIpFilter(text);
  if (Result.isSuccess(filter)) return filter.success;
  const { line, text: said } = filter.failure;
  return yield* bad(`line ${line} of ${path} is no range of addresses: ${JSON.stringify(said)}`);
});
