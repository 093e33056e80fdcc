/** What keeps files from being made, and how it is told. */
import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Fs from "node:fs";
import { layoutOf, pattern, reasonOf } from "./contract.ts";
import { bench } from "./machine.ts";

describe("Storage on the file system", () => {
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
});
