/**
 * Layers around any Storage that make it misbehave, for tests: slow, full after so many bytes, or writing wrong bytes. Provide the Storage
 * to be spoilt: `fullAfter(n).pipe(Layer.provide(memory.layer))`.
 */
import type * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { StorageError } from "../../schema/errors/StorageError.ts";
import { Storage, type OpenStorage, type StorageLayout } from "./Storage.ts";

/** A Storage whose open outputs are changed by `change`, made once per output. */
export const around = (
  change: (output: OpenStorage, layout: StorageLayout) => OpenStorage,
): Layer.Layer<Storage, never, Storage> =>
  Layer.effect(
    Storage,
    Effect.map(Storage, (inner) =>
      Storage.of({
        ...inner,
        open: (layout) => Effect.map(inner.open(layout), (output) => change(output, layout)),
      }),
    ),
  );

/** Each read and each write takes so long before it begins. */
export const slow = (delay: Duration.Input): Layer.Layer<Storage, never, Storage> =>
  around((output) => ({
    ...output,
    read: (offset, into) => Effect.delay(output.read(offset, into), delay),
    write: (offset, bytes) => Effect.delay(output.write(offset, bytes), delay),
  }));

/** Once `bytes` have been written to an output, every further write fails with `NoSpace`. */
export const fullAfter = (bytes: number): Layer.Layer<Storage, never, Storage> =>
  around((output, layout) => {
    let left = bytes;
    return {
      ...output,
      write: (offset, data) =>
        Effect.suspend(() => {
          if (data.length > left) {
            return Effect.fail(
              new StorageError({ operation: "write", path: layout.root, reason: { _tag: "NoSpace" } }),
            );
          }
          left -= data.length;
          return output.write(offset, data);
        }),
    };
  });

/** Flips the first bit of what is written by those writes (counted from 0) that `which` picks. */
export const corrupting = (which: (count: number) => boolean): Layer.Layer<Storage, never, Storage> =>
  around((output) => {
    let count = 0;
    return {
      ...output,
      write: (offset, data) =>
        Effect.suspend(() => {
          if (!which(count++) || data.length === 0) return output.write(offset, data);
          const wrong = data.slice();
          wrong[0] = (wrong[0] ?? 0) ^ 0x80;
          return output.write(offset, wrong);
        }),
    };
  });
