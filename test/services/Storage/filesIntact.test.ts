/** What others do to files while they are in use. */
import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Fs from "node:fs";
import * as Path from "node:path";
import { layerWith } from "../../../src/services/Storage/files.ts";
import { Storage } from "../../../src/services/Storage/Storage.ts";
import { layoutOf, pattern, reasonOf } from "./contract.ts";
import { bench, temporary } from "./machine.ts";

describe("Storage on the file system", () => {
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
});
