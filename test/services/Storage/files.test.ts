import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Fs from "node:fs";
import * as Path from "node:path";
import { layerWith } from "../../../src/services/Storage/files.ts";
import { openOn } from "../../support/descriptors.ts";
import { contract, layoutOf, pattern, reasonOf } from "./contract.ts";
import { bench, benchOf, counting, slow } from "./machine.ts";

describe("Storage on a file system that takes its time", () => {
  contract(benchOf(layerWith({ maxOpenFiles: 5, now: slow() })));
});

describe("Storage on the file system", () => {
  contract(bench);

  it.live("tells where bytes lie for those who read them themselves, and not outside of the output", () =>
    Effect.gen(function* () {
      const { storage, folder } = yield* bench;
      const layout = layoutOf(folder, [
        { length: 30 },
        { length: 20, kind: "aside" },
        { length: 10, kind: "pad" },
        { length: 9 },
      ]);
      const output = yield* storage.open(layout);
      yield* output.write(0, pattern(69, 3));
      const places = output.read.places ?? assert.fail("a disk of files has places");
      for (const [offset, length] of [
        [0, 69],
        [5, 3],
        [25, 40],
        [61, 8],
      ] as const) {
        const found = (yield* places(offset, length)).map((place) => {
          const { file } = place;
          if (file === undefined) return Buffer.alloc(place.length);
          assert.strictEqual(file.named, file.path === layout.asidePath);
          return Fs.readFileSync(file.path).subarray(file.position, file.position + place.length);
        });
        const read = new Uint8Array(length);
        yield* output.read(offset, read);
        assert.deepStrictEqual(new Uint8Array(Buffer.concat(found)), read);
      }
      Fs.mkdirSync(Path.join(folder, "elsewhere"));
      const other = yield* bench;
      Fs.mkdirSync(Path.join(other.folder, "out"));
      Fs.symlinkSync(Path.join(folder, "elsewhere"), Path.join(other.folder, "out/d0"));
      const leading = yield* other.storage.open(layoutOf(other.folder, [{ length: 5 }]));
      assert.strictEqual(yield* reasonOf(leading.read.places?.(0, 5) ?? assert.fail()), "Escapes");
    }).pipe(Effect.scoped),
  );

  it.live("writes many places of one new file at the same time", () =>
    Effect.gen(function* () {
      const { storage, folder } = yield* bench;
      const output = yield* storage.open(layoutOf(folder, [{ length: 3200 }]));
      yield* Effect.forEach(
        Array.from({ length: 32 }, (_, index) => index),
        (index) => output.write(index * 100, pattern(100, index)),
        { concurrency: "unbounded", discard: true },
      );
      const back = new Uint8Array(3200);
      yield* output.read(0, back);
      assert.deepStrictEqual(back.slice(3100), pattern(100, 31));
      assert.strictEqual(openOn(folder), 1);
    }).pipe(Effect.scoped),
  );

  it.live("leaves holes instead of allocating", () =>
    Effect.gen(function* () {
      const { storage, folder } = yield* bench;
      const length = 64 * 1024 * 1024;
      const output = yield* storage.open(layoutOf(folder, [{ length }]));
      yield* output.write(length - 4096, pattern(4096));
      const stats = Fs.statSync(`${folder}/out/d0/f0`);
      assert.strictEqual(stats.size, length);
      assert.isBelow(stats.blocks * 512, 1024 * 1024);
    }).pipe(Effect.scoped),
  );

  it.live("flushes the files that were written to or adopted, and no others that are there", () =>
    Effect.gen(function* () {
      const { storage, folder } = yield* bench;
      const layout = layoutOf(
        folder,
        Array.from({ length: 40 }, () => ({ length: 10 })),
      );
      yield* Effect.scoped(Effect.flatMap(storage.open(layout), (output) => output.write(0, pattern(400))));
      const output = yield* storage.open(layout);
      assert.isTrue((yield* output.survey).every(({ exists }) => exists));
      const flushes = yield* counting("fdatasync");
      yield* output.sync;
      assert.strictEqual(flushes(), 0);
      yield* output.write(25, pattern(3));
      yield* output.adopt(95, 10);
      yield* output.sync;
      assert.strictEqual(flushes(), 3);
      yield* output.sync;
      assert.strictEqual(flushes(), 3);
    }).pipe(Effect.scoped),
  );

  it.live("gives executables the bits that the umask leaves, and makes links", () =>
    Effect.gen(function* () {
      const { storage, folder } = yield* bench;
      const output = yield* storage.open(
        layoutOf(folder, [
          { length: 4, executable: true, path: `${folder}/out/run` },
          { length: 0, link: "run", path: `${folder}/out/walk` },
        ]),
      );
      yield* output.write(0, pattern(4));
      const before = Fs.statSync(`${folder}/out/run`).mode & 0o777;
      yield* output.finish;
      yield* output.finish;
      assert.strictEqual(Fs.statSync(`${folder}/out/run`).mode & 0o777, before | ((before & 0o444) >> 2));
      assert.strictEqual(Fs.readlinkSync(`${folder}/out/walk`), "run");
    }).pipe(Effect.scoped),
  );

  it.live("tells the free space of an output that is not there yet", () =>
    Effect.gen(function* () {
      const { storage, folder } = yield* bench;
      const output = yield* storage.open(layoutOf(`${folder}/a/b`, [{ length: 4 }]));
      assert.isAbove(yield* output.free, 0);
      assert.deepStrictEqual(Fs.readdirSync(folder), []);
    }).pipe(Effect.scoped),
  );
});
