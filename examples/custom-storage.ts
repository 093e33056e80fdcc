/**
 * Downloads a torrent into a place of your own: here a buffer in memory, of which it prints the SHA-256. Everything else stays as it is:
 * a Layer merged after the live ones takes the place of its like.
 *
 *   node examples/custom-storage.ts <file.torrent>
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { downloadToEnd, Hasher, Live, parseMetainfo, request } from "bt-effect";
import { Storage, type OpenStorage, type StorageLayout } from "bt-effect/services/Storage/Storage";
import { Console, Effect, Layer } from "effect";

/** One output in memory. Nothing is there before the start, nothing is left after the end. */
const openBuffer = (layout: StorageLayout): OpenStorage => {
  const bytes = new Uint8Array(layout.files.reduce((sum, file) => sum + file.length, 0));
  return {
    write: (offset, data) => Effect.sync(() => bytes.set(data, offset)),
    read: (offset, into) => Effect.sync(() => into.set(bytes.subarray(offset, offset + into.length))),
    sync: Effect.void,
    intact: Effect.void,
    adopt: () => Effect.void,
    survey: Effect.succeed(layout.files.map(() => ({ exists: false, size: 0, modified: 0 }))),
    finish: Effect.suspend(() => Console.log(`SHA-256 ${createHash("sha256").update(bytes).digest("hex")}`)),
    free: Effect.succeed(Number.MAX_SAFE_INTEGER),
  };
};

const inMemory = Layer.succeed(
  Storage,
  Storage.of({
    open: (layout) => Effect.sync(() => openBuffer(layout)),
    inspect: () => Effect.succeed("none" as const),
    names: () => Effect.succeed([]),
  }),
);

const program = Effect.gen(function* () {
  const metainfo = yield* Effect.fromResult(parseMetainfo(readFileSync(process.argv[2] ?? ""), yield* Hasher));
  yield* downloadToEnd(request({ _tag: "Metainfo", metainfo }, "/"));
});

await Effect.runPromise(Effect.provide(program, Layer.merge(Live.layer({ noPortMapping: true }), inMemory)));
