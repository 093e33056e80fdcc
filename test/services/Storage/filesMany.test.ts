/** What it costs to have many files: turns of others, calls, and files that are open. */
import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { spawnSync } from "node:child_process";
import * as Fs from "node:fs";
import * as Path from "node:path";
import { layerWith } from "../../../src/services/Storage/files.ts";
import { Storage } from "../../../src/services/Storage/Storage.ts";
import { openOn } from "../../support/descriptors.ts";
import { layoutOf, pattern } from "./contract.ts";
import { benchOf, counting, quick, slow, temporary } from "./machine.ts";

describe("Storage on the file system", () => {
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
});
