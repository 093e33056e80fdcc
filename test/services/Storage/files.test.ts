import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import type * as Layer from "effect/Layer";
import { spawnSync } from "node:child_process";
import NodeFs, * as Fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import * as Os from "node:os";
import * as Path from "node:path";
import { layer, layerWith } from "../../../src/services/Storage/files.ts";
import { Storage } from "../../../src/services/Storage/Storage.ts";
import { openOn } from "../../support/descriptors.ts";
import { contract, layoutOf, pattern, reasonOf } from "./contract.ts";

const temporary = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "bt-effect-storage-"))),
  (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true })),
);
const benchOf = (of: Layer.Layer<Storage>) =>
  Effect.gen(function* () {
    const folder = yield* temporary;
    const remove = (path: string) => Effect.sync(() => Fs.rmSync(path));
    return { storage: yield* Effect.provide(Storage, of), folder, remove };
  });
const bench = benchOf(layer);

/** Counts the calls of one of Node's functions from now on, in this process. */
const counting = (name: "fdatasync" | "write" | "open" | "close" | "stat") =>
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
const quick = (): number => 0;
/** A clock by which every call takes a second. */
const slow = (): (() => number) => {
  let time = 0;
  return () => (time += 1000);
};

describe("Storage on a file system that takes its time", () => {
  contract(benchOf(layerWith({ maxOpenFiles: 5, now: slow() })));
});

describe("Storage on the file system", () => {
  contract(bench);

  it.live("gives everything else its turn while it writes to many files", () =>
    Effect.gen(function* () {
      const { folder, storage } = yield* benchOf(layerWith({ maxOpenFiles: 5, now: quick }));
      const count = 1000;
      const output = yield* storage.open(
        layoutOf(
          folder,
          Array.from({ length: count }, () => ({ length: 10 })),
        ),
      );
      let turns = 0;
      yield* Effect.forkChild(
        // Yields after each.
        Effect.forever(Effect.sync(() => void (turns += 1))),
        { startImmediately: true },
      );
      // One file in each folder: now all of them are there.
      yield* output.write(0, pattern(30));
      turns = 0;
      const bytes = pattern((count - 3) * 10);
      yield* output.write(30, bytes);
      assert.isAtLeast(turns, 3);
      const back = new Uint8Array(bytes.length);
      yield* output.read(30, back);
      assert.deepStrictEqual(back, bytes);
    }).pipe(Effect.scoped),
  );

  it.live("makes short calls by itself where they are quick, and has the pool make them where they are not", () =>
    Effect.gen(function* () {
      const folder = yield* temporary;
      const files = Array.from({ length: 20 }, () => ({ length: 10 }));
      const callsWith = (now: () => number, name: string) =>
        Effect.scoped(
          Effect.gen(function* () {
            const storage = yield* Effect.provide(Storage, layerWith({ maxOpenFiles: 5, now }));
            const counts = yield* Effect.all([counting("open"), counting("write"), counting("close")]);
            const output = yield* storage.open(layoutOf(`${folder}/${name}`, files));
            yield* output.write(0, pattern(200));
            // Folders are looked at while they are made.
            counts.push(yield* counting("stat"));
            yield* output.finish;
            const back = new Uint8Array(200);
            const calls = counts.map((count) => count());
            yield* output.read(0, back);
            assert.deepStrictEqual(back, pattern(200));
            return calls;
          }),
        );
      assert.deepStrictEqual(yield* callsWith(quick, "quick"), [0, 0, 0, 0]);
      for (const count of yield* callsWith(slow(), "slow")) assert.isAbove(count, 10);
    }).pipe(Effect.scoped),
  );

  it.live("brings files by the thousand into their last shape, and names the one that is missing", () =>
    Effect.gen(function* () {
      const folder = yield* temporary;
      for (const now of [quick, slow()]) {
        const storage = yield* Effect.provide(Storage, layerWith({ maxOpenFiles: 5, now }));
        const layout = layoutOf(
          `${folder}/${now === quick}`,
          Array.from({ length: 1100 }, (_, nth) => ({ length: nth === 600 ? 0 : 10 })),
        );
        const pathOf = (nth: number): string => layout.files[nth]?.path ?? "";
        const output = yield* storage.open(layout);
        yield* output.write(0, pattern(10_990));
        Fs.appendFileSync(pathOf(1050), "too much");
        yield* output.finish;
        assert.strictEqual(Fs.statSync(pathOf(600)).size, 0);
        assert.strictEqual(Fs.statSync(pathOf(1050)).size, 10);
        Fs.rmSync(pathOf(1051));
        const error = yield* Effect.flip(output.finish);
        assert.strictEqual(error.reason._tag, "Missing");
        assert.strictEqual(error.path, pathOf(1051));
      }
    }).pipe(Effect.scoped),
  );

  it.live("holds no more files open than it may, and none after its scope", () =>
    Effect.gen(function* () {
      const folder = yield* temporary;
      const storage = yield* Effect.provide(Storage, layerWith({ maxOpenFiles: 5 }));
      const layout = layoutOf(
        folder,
        Array.from({ length: 60 }, () => ({ length: 10 })),
      );
      yield* Effect.scoped(
        Effect.gen(function* () {
          const output = yield* storage.open(layout);
          for (let round = 0; round < 3; round++) {
            for (let index = 0; index < 60; index++) {
              yield* output.write(index * 10, pattern(10, index));
              assert.isAtMost(openOn(folder), 5);
            }
          }
          const back = new Uint8Array(600);
          yield* output.read(0, back);
          assert.deepStrictEqual(back.slice(590), pattern(10, 59));
          yield* output.finish;
          assert.isAbove(openOn(folder), 0);
        }),
      );
      assert.strictEqual(openOn(folder), 0);
    }).pipe(Effect.scoped),
  );

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

  for (const disk of ["quick", "turning"])
    it.live(`makes do with as few open files as the process may have, on a ${disk} disk`, () =>
      Effect.gen(function* () {
        const folder = yield* temporary;
        const script = Path.join(import.meta.dirname, "crowded.ts");
        const { stdout } = spawnSync(
          "sh",
          ["-c", 'ulimit -n 48 && exec "$0" "$1" "$2" "$3"', process.execPath, script, folder, disk],
          {
            encoding: "utf8",
          },
        );
        assert.strictEqual(stdout, "good");
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

  it.live("refuses links that lead outside, before anything is made behind them", () =>
    Effect.gen(function* () {
      const { storage, folder } = yield* bench;
      Fs.mkdirSync(`${folder}/out/in`, { recursive: true });
      Fs.mkdirSync(`${folder}/elsewhere`);
      Fs.writeFileSync(`${folder}/elsewhere/secret`, "secret");
      Fs.symlinkSync("../elsewhere", `${folder}/out/away`);
      Fs.symlinkSync("in", `${folder}/out/near`);
      Fs.symlinkSync("../elsewhere/secret", `${folder}/out/leak`);
      const at = (path: string) =>
        Effect.map(storage.open(layoutOf(folder, [{ length: 4, path: `${folder}/out/${path}` }])), (output) =>
          output.write(0, pattern(4)),
        ).pipe(Effect.flatMap(reasonOf));
      assert.strictEqual(yield* at("away/f"), "Escapes");
      assert.strictEqual(yield* at("away/deep/f"), "Escapes");
      assert.strictEqual(yield* at("leak"), "Escapes");
      assert.strictEqual(yield* at("near/f"), "success");
      assert.strictEqual(yield* at("../f"), "Escapes");
      assert.deepStrictEqual(Fs.readdirSync(`${folder}/elsewhere`), ["secret"]);
      assert.strictEqual(Fs.readFileSync(`${folder}/elsewhere/secret`, "utf8"), "secret");
      assert.strictEqual(Fs.statSync(`${folder}/out/in/f`).size, 4);
    }).pipe(Effect.scoped),
  );

  it.live("follows a link that is the output itself", () =>
    Effect.gen(function* () {
      const { storage, folder } = yield* bench;
      Fs.mkdirSync(`${folder}/big`);
      Fs.symlinkSync("big", `${folder}/out`);
      yield* (yield* storage.open(layoutOf(folder, [{ length: 4 }]))).write(0, pattern(4));
      assert.strictEqual(Fs.statSync(`${folder}/big/d0/f0`).size, 4);
    }).pipe(Effect.scoped),
  );

  it.live("says that a file is in the way of a folder", () =>
    Effect.gen(function* () {
      const { storage, folder } = yield* bench;
      Fs.mkdirSync(`${folder}/out`);
      Fs.writeFileSync(`${folder}/out/d0`, "x");
      const output = yield* storage.open(layoutOf(folder, [{ length: 4 }]));
      assert.strictEqual(yield* reasonOf(output.write(0, pattern(4))), "NotFolder");
    }).pipe(Effect.scoped),
  );

  it.live("names the file that is in the way, not what was to go below it", () =>
    Effect.gen(function* () {
      const { storage, folder } = yield* bench;
      Fs.writeFileSync(`${folder}/out`, "x");
      const written = Effect.scoped(
        Effect.flatMap(storage.open(layoutOf(folder, [{ length: 4 }])), (output) =>
          Effect.andThen(output.survey, output.write(0, pattern(4))),
        ),
      );
      const { path, reason } = yield* Effect.flip(written);
      assert.deepStrictEqual([path, reason._tag], [`${folder}/out`, "NotFolder"]);
    }).pipe(Effect.scoped),
  );

  const root = process.getuid?.() === 0;
  it.live.skipIf(root)(`says that there is no permission${root ? " (skipped: root may write everywhere)" : ""}`, () =>
    Effect.gen(function* () {
      const { storage, folder } = yield* bench;
      Fs.mkdirSync(`${folder}/out`, { mode: 0o500 });
      const output = yield* storage.open(layoutOf(folder, [{ length: 4 }]));
      assert.strictEqual(yield* reasonOf(output.write(0, pattern(4))), "NoPermission");
    }).pipe(Effect.scoped),
  );

  it.live("says that the disk is full, and that a name is too long", () =>
    Effect.gen(function* () {
      const { storage, folder } = yield* bench;
      const full = yield* storage.open({
        root: "/dev/full",
        asidePath: `${folder}/aside`,
        files: [{ path: "/dev/full", length: 4, offset: 0, kind: "write", executable: false }],
      });
      assert.strictEqual(yield* reasonOf(full.write(0, pattern(4))), "NoSpace");
      const long = yield* storage.open(layoutOf(folder, [{ length: 4, path: `${folder}/out/${"n".repeat(300)}` }]));
      assert.strictEqual(yield* reasonOf(long.write(0, pattern(4))), "NameTooLong");
    }).pipe(Effect.scoped),
  );

  it.live("notices at sync, at finish and on reopening that a file was removed", () =>
    Effect.gen(function* () {
      const folder = yield* temporary;
      const storage = yield* Effect.provide(Storage, layerWith({ maxOpenFiles: 1 }));
      const output = yield* storage.open(layoutOf(folder, [{ length: 4 }, { length: 4 }]));
      yield* output.write(0, pattern(4));
      Fs.rmSync(`${folder}/out/d0/f0`);
      assert.strictEqual(yield* reasonOf(output.sync), "Missing");
      assert.strictEqual(yield* reasonOf(output.finish), "Missing");
      yield* output.write(4, pattern(4));
      assert.strictEqual(yield* reasonOf(output.write(0, pattern(4))), "Missing");
    }).pipe(Effect.scoped),
  );

  it.live("notices when asked that a file was replaced, moved or cut short, also when it is not open any more", () =>
    Effect.gen(function* () {
      for (const maxOpenFiles of [1, 5]) {
        const folder = yield* temporary;
        const storage = yield* Effect.provide(Storage, layerWith({ maxOpenFiles }));
        const harms: ReadonlyArray<(path: string) => void> = [
          (path) => Fs.renameSync(path, `${path}.moved`),
          (path) => Fs.truncateSync(path, 3),
          (path) => Fs.renameSync(Path.dirname(path), `${Path.dirname(path)}.moved`),
        ];
        for (const [index, harm] of harms.entries()) {
          const output = yield* storage.open(
            layoutOf(folder, [
              { length: 4, path: `${folder}/out/${index}/a` },
              { length: 4, path: `${folder}/out/b` },
            ]),
          );
          yield* output.write(0, pattern(8));
          assert.strictEqual(yield* reasonOf(output.intact), "success");
          harm(`${folder}/out/${index}/a`);
          assert.strictEqual(yield* reasonOf(output.intact), "Missing");
        }
      }
      const { storage, folder } = yield* bench;
      const output = yield* storage.open(layoutOf(folder, [{ length: 4 }]));
      yield* output.write(0, pattern(4));
      Fs.writeFileSync(`${folder}/other`, pattern(4));
      Fs.renameSync(`${folder}/other`, `${folder}/out/d0/f0`);
      assert.strictEqual(yield* reasonOf(output.intact), "Missing");
    }).pipe(Effect.scoped),
  );

  it.live("looks at a few of many files each time it is asked whether they are there, at each in turn", () =>
    Effect.gen(function* () {
      const { storage, folder } = yield* bench;
      const layout = layoutOf(
        folder,
        Array.from({ length: 600 }, () => ({ length: 1 })),
      );
      const output = yield* storage.open(layout);
      yield* output.write(0, pattern(600));
      Fs.rmSync(layout.files[599]?.path ?? "");
      const seen: Array<string> = [];
      for (let look = 0; look < 3; look++) seen.push(yield* reasonOf(output.intact));
      assert.deepStrictEqual(seen, ["success", "success", "Missing"]);
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
