/** What every Storage must do, whatever it keeps bytes in; run by the test of each Layer. */
import { assert, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Schema from "effect/Schema";
import type * as Scope from "effect/Scope";
import type { StorageError } from "../../../src/schema/errors/StorageError.ts";
import type { Storage } from "../../../src/services/Storage/Storage.ts";
import { type LayoutFile, type StorageLayout } from "../../../src/services/Storage/Storage.ts";

/** A Storage and a folder of its own. */
export type Bench = Effect.Effect<
  {
    readonly storage: Storage["Service"];
    readonly folder: string;
    /** Deletes a file behind the back of the Storage. */
    readonly remove: (path: string) => Effect.Effect<void>;
  },
  never,
  Scope.Scope
>;

/** A layout of files of these lengths in `<folder>/out`. */
export const layoutOf = (
  folder: string,
  files: ReadonlyArray<Partial<LayoutFile> & { readonly length: number }>,
): StorageLayout => {
  let offset = 0;
  return {
    root: `${folder}/out`,
    asidePath: `${folder}/state/aside`,
    files: files.map((file, index) => {
      const start = offset;
      offset += file.length;
      return {
        path: `${folder}/out/d${index % 3}/f${index}`,
        kind: "write",
        executable: false,
        ...file,
        offset: start,
      };
    }),
  };
};

/** Bytes that differ from place to place. */
export const pattern = (length: number, seed = 1): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => ((index * 31 + seed * 17) % 255) + 1);

/** The reason a storage operation failed with. */
export const reasonOf = <A>(effect: Effect.Effect<A, StorageError>): Effect.Effect<string> =>
  Effect.match(effect, { onFailure: (error) => error.reason._tag, onSuccess: () => "success" });

const Piece = Schema.Struct({
  at: Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 999 }))),
  length: Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 400 }))),
});
const File = Schema.Struct({
  length: Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 150 }))),
  kind: Schema.Literals(["write", "aside", "pad"]),
});

/** Adds the cases. */
export const contract = (bench: Bench): void => {
  it.effect.prop(
    "reads back what was written, like one flat buffer",
    {
      files: Schema.Array(File).pipe(Schema.check(Schema.isMaxLength(12))),
      writes: Schema.Array(Piece).pipe(Schema.check(Schema.isMaxLength(12))),
    },
    ({ files, writes }) =>
      Effect.gen(function* () {
        const { storage, folder } = yield* bench;
        const layout = layoutOf(folder, files);
        const output = yield* storage.open(layout);
        const total = files.reduce((sum, file) => sum + file.length, 0);
        const flat = new Uint8Array(total);
        const isPad = (offset: number): boolean =>
          layout.files.some((f) => f.kind === "pad" && offset >= f.offset && offset < f.offset + f.length);
        const all = pattern(total);
        yield* output.write(0, all);
        flat.set(all);
        for (const [index, { at, length }] of writes.entries()) {
          const offset = Math.min(at, total);
          const bytes = pattern(Math.min(length, total - offset), index + 2);
          yield* output.write(offset, bytes);
          flat.set(bytes, offset);
        }
        for (let offset = 0; offset < total; offset++) if (isPad(offset)) flat[offset] = 0;
        const back = new Uint8Array(total).fill(7);
        yield* output.read(0, back);
        assert.deepStrictEqual(back, flat);
        for (const { at, length } of writes) {
          const offset = Math.min(at, total);
          const part = new Uint8Array(Math.min(length, total - offset));
          yield* output.read(offset, part);
          assert.deepStrictEqual(part, flat.slice(offset, offset + part.length));
        }
        yield* output.sync;
        yield* output.finish;
        const states = yield* output.survey;
        states.forEach((state, index) => {
          if (files[index]?.kind !== "aside") assert.strictEqual(state.size, files[index]?.length);
        });
      }).pipe(Effect.scoped),
    { arbitrary: { runs: 40 } },
  );

  it.effect("tells what is missing instead of reading zeros", () =>
    Effect.gen(function* () {
      const { storage, folder } = yield* bench;
      const output = yield* storage.open(layoutOf(folder, [{ length: 10 }, { length: 10 }]));
      assert.strictEqual(yield* reasonOf(output.read(0, new Uint8Array(5))), "Missing");
      yield* output.write(0, pattern(5));
      assert.strictEqual(yield* reasonOf(output.read(0, new Uint8Array(5))), "success");
      assert.strictEqual(yield* reasonOf(output.read(2, new Uint8Array(5))), "Missing");
      assert.strictEqual(yield* reasonOf(output.finish), "Missing");
      const [first, second] = yield* output.survey;
      assert.deepInclude(first, { exists: true, size: 5 });
      assert.deepStrictEqual(second, { exists: false, size: 0, modified: 0 });
    }).pipe(Effect.scoped),
  );

  it.effect("notices when asked that a file it wrote to is gone", () =>
    Effect.gen(function* () {
      const { storage, folder, remove } = yield* bench;
      const layout = layoutOf(folder, [{ length: 10 }, { length: 10 }]);
      const output = yield* storage.open(layout);
      assert.strictEqual(yield* reasonOf(output.intact), "success");
      yield* output.write(0, pattern(20));
      assert.strictEqual(yield* reasonOf(output.intact), "success");
      yield* output.sync;
      yield* remove(layout.files[1]?.path ?? "");
      const { path, reason } = yield* Effect.flip(output.intact);
      assert.deepStrictEqual([path, reason._tag], [layout.files[1]?.path, "Missing"]);
    }).pipe(Effect.scoped),
  );

  it.effect("keeps bytes of files not chosen aside, for the next run too", () =>
    Effect.gen(function* () {
      const { storage, folder } = yield* bench;
      const layout = layoutOf(folder, [{ length: 10 }, { length: 10, kind: "aside" }, { length: 10 }]);
      const back = new Uint8Array(30);
      yield* Effect.scoped(Effect.flatMap(storage.open(layout), (output) => output.write(0, pattern(30))));
      const output = yield* storage.open(layout);
      yield* output.read(0, back);
      assert.deepStrictEqual(back, pattern(30));
      yield* output.finish;
      assert.isTrue((yield* output.survey)[1]?.exists);
      assert.deepStrictEqual([...(yield* storage.names(`${folder}/out`))].sort(), ["d0", "d2"]);
      assert.strictEqual(yield* storage.inspect(layout.asidePath), "file");
      yield* (yield* storage.open(
        layoutOf(folder, [{ length: 10 }, { length: 0 }, { path: layout.files[2]?.path ?? "", length: 10 }]),
      )).finish;
      assert.strictEqual(yield* storage.inspect(layout.asidePath), "none");
    }).pipe(Effect.scoped),
  );

  it.effect("makes empty files and cuts long ones at the end", () =>
    Effect.gen(function* () {
      const { storage, folder } = yield* bench;
      const long = yield* storage.open(layoutOf(folder, [{ length: 9 }]));
      yield* long.write(0, pattern(9));
      const layout = layoutOf(folder, [{ length: 4 }, { length: 0 }]);
      const output = yield* storage.open(layout);
      yield* output.write(0, pattern(4));
      yield* output.finish;
      assert.deepStrictEqual(
        (yield* output.survey).map(({ exists, size }) => ({ exists, size })),
        [
          { exists: true, size: 4 },
          { exists: true, size: 0 },
        ],
      );
    }).pipe(Effect.scoped),
  );

  it.effect("refuses a folder where a file has to go", () =>
    Effect.gen(function* () {
      const { storage, folder } = yield* bench;
      const inTheWay = layoutOf(folder, [{ length: 4, path: `${folder}/out/x/y` }]);
      yield* (yield* storage.open(inTheWay)).write(0, pattern(4));
      assert.strictEqual(yield* storage.inspect(`${folder}/out/x`), "folder");
      const output = yield* storage.open(layoutOf(folder, [{ length: 4, path: `${folder}/out/x` }]));
      assert.strictEqual(yield* reasonOf(output.survey), "IsFolder");
      assert.strictEqual(yield* reasonOf(output.write(0, pattern(4))), "IsFolder");
    }).pipe(Effect.scoped),
  );

  it.effect("reads gaps between files, and behind the last, as zeros", () =>
    Effect.gen(function* () {
      const { storage, folder } = yield* bench;
      const close = layoutOf(folder, [{ length: 5 }, { length: 3 }]);
      const apart = close.files.map((file, index) => (index === 0 ? file : { ...file, offset: 8 }));
      const output = yield* storage.open({ ...close, files: apart });
      yield* output.write(0, pattern(11));
      const back = new Uint8Array(16).fill(0xff);
      yield* output.read(0, back);
      const expected = new Uint8Array(16);
      expected.set(pattern(11));
      expected.fill(0, 5, 8);
      assert.deepStrictEqual(back, expected);
      yield* output.read(9, back.fill(0xff));
      assert.deepStrictEqual([...back], [...expected.subarray(9), ...new Uint8Array(9)]);
      assert.isTrue(Exit.hasDies(yield* Effect.exit(output.read(12, back))));
    }).pipe(Effect.scoped),
  );

  it.effect("dies, and writes nothing, outside the torrent", () =>
    Effect.gen(function* () {
      const { storage, folder } = yield* bench;
      const output = yield* storage.open(layoutOf(folder, [{ length: 4 }]));
      assert.isTrue(Exit.hasDies(yield* Effect.exit(output.write(2, pattern(4)))));
      assert.strictEqual(yield* storage.inspect(`${folder}/out/d0/f0`), "none");
    }).pipe(Effect.scoped),
  );
};
