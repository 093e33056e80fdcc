/** Storage on the file system of this machine, in folders that are gone with the test. */
import * as Effect from "effect/Effect";
import type * as Layer from "effect/Layer";
import NodeFs, * as Fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import * as Os from "node:os";
import * as Path from "node:path";
import { layer } from "../../../src/services/Storage/files.ts";
import { Storage } from "../../../src/services/Storage/Storage.ts";

/** A new folder. */
export const temporary = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "bt-effect-storage-"))),
  (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true })),
);

/** Storage as that Layer makes it, and a folder for it. */
export const benchOf = (of: Layer.Layer<Storage>) =>
  Effect.gen(function* () {
    const folder = yield* temporary;
    const remove = (path: string) => Effect.sync(() => Fs.rmSync(path));
    return { storage: yield* Effect.provide(Storage, of), folder, remove };
  });
/** Storage as the program has it. */
export const bench = benchOf(layer);

/** Counts the calls of one of Node's functions from now on, in this process. */
export const counting = (name: "fdatasync" | "write" | "open" | "close" | "stat") =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const original = NodeFs[name];
      let count = 0;
      const counted = (...args: ReadonlyArray<unknown>): unknown => {
        count++;
        return Reflect.apply(original, NodeFs, args);
      };
      Object.assign(NodeFs, { [name]: Object.assign(counted, original) });
      syncBuiltinESMExports();
      return { original, count: () => count };
    }),
    ({ original }) =>
      Effect.sync(() => {
        Object.assign(NodeFs, { [name]: original });
        syncBuiltinESMExports();
      }),
  ).pipe(Effect.map(({ count }) => count));

/** A clock by which no call takes any time. */
export const quick = (): number => 0;
/** A clock by which every call takes a second. */
export const slow = (): (() => number) => {
  let time = 0;
  return () => (time += 1000);
};
