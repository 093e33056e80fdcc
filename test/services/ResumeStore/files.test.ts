import { assert, describe, it } from "@effect/vitest";
import * as ConfigProvider from "effect/ConfigProvider";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { spawn, type ChildProcess } from "node:child_process";
import * as Fs from "node:fs";
import * as Os from "node:os";
import * as Path from "node:path";
import { vi } from "vitest";
import { layer, stateFolder } from "../../../src/services/ResumeStore/files.ts";
import { ResumeStore } from "../../../src/services/ResumeStore/ResumeStore.ts";
import { contract, hashOf, record } from "./contract.ts";

const temporary = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "bt-effect-resume-"))),
  (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true })),
);
const storeIn = (folder: string) => Effect.provide(ResumeStore, layer(folder));
const infoHash = hashOf(Uint8Array.of(1));
const key = { infoHash, root: "/tmp/bt-effect-none/out" };

/** Starts a process that wants the lock; gives the first line that it says. */
const holder = (folder: string, root: string) =>
  Effect.acquireRelease(
    Effect.sync(() => spawn(process.execPath, [Path.join(import.meta.dirname, "holder.ts"), folder, root])),
    (child) => Effect.sync(() => child.kill("SIGKILL")),
  ).pipe(
    Effect.flatMap((child) =>
      Effect.callback<readonly [ChildProcess, string]>((resume) => {
        child.stdout.once("data", (data: Buffer) => resume(Effect.succeed([child, data.toString().trim()])));
        child.once("exit", (code) => resume(Effect.die(new Error(`ended with ${code} before a word`))));
      }),
    ),
  );

const killed = (child: ChildProcess) =>
  Effect.callback<void>((resume) => {
    child.once("exit", () => resume(Effect.void));
    child.kill("SIGKILL");
  });

describe("ResumeStore in the state folder", () => {
  contract(Effect.flatMap(temporary, storeIn));

  const all = (folder: string): ReadonlyArray<string> =>
    Fs.readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => Path.join(entry.parentPath, entry.name));

  it.live("fails where no folder can be made, also where the system says of one that is there that it is missing", () =>
    Effect.gen(function* () {
      for (const folder of ["/proc/none/state", "/dev/null/state"]) {
        const store = yield* storeIn(folder);
        for (const attempt of [store.save(key, record), store.saveInfo(infoHash, Uint8Array.of(1))]) {
          const error = yield* Effect.flip(attempt);
          assert.strictEqual(error.code, "resume.unusable");
        }
        const error = yield* Effect.flip(Effect.scoped(store.lock("/tmp/bt-effect-none/out")));
        assert.strictEqual(error.code, "resume.unusable");
      }
    }),
  );

  it.live("keeps everything from other users and leaves no temporary file", () =>
    Effect.gen(function* () {
      const folder = yield* temporary;
      const store = yield* storeIn(Path.join(folder, "state"));
      yield* store.save(key, record);
      yield* store.saveInfo(infoHash, Uint8Array.of(1));
      const files = all(folder);
      assert.lengthOf(files, 2);
      for (const file of files) {
        assert.strictEqual(Fs.statSync(file).mode & 0o777, 0o600);
        assert.strictEqual(Fs.statSync(Path.dirname(file)).mode & 0o777, 0o700);
      }
    }).pipe(Effect.scoped),
  );

  it.live("has no record when any byte of it is damaged, or some are missing", () =>
    Effect.gen(function* () {
      const folder = yield* temporary;
      const store = yield* storeIn(folder);
      yield* store.save(key, record);
      const path = all(folder)[0] ?? "";
      const good = Fs.readFileSync(path);
      for (let at = 0; at < good.length; at += 3) {
        const bad = Buffer.from(good);
        bad[at] = (bad[at] ?? 0) ^ 1;
        Fs.writeFileSync(path, bad);
        assert.isTrue(Option.isNone(yield* store.load(key)), `byte ${at}`);
        Fs.writeFileSync(path, good.subarray(0, at));
        assert.isTrue(Option.isNone(yield* store.load(key)), `cut at ${at}`);
      }
      assert.deepStrictEqual(yield* store.roots(infoHash), []);
      Fs.writeFileSync(path, good);
      assert.isTrue(Option.isSome(yield* store.load(key)));
    }).pipe(Effect.scoped),
  );

  it.live("gives no metadata that does not hash to its name", () =>
    Effect.gen(function* () {
      const folder = yield* temporary;
      const store = yield* storeIn(folder);
      yield* store.saveInfo(infoHash, Uint8Array.of(2));
      assert.isTrue(Option.isNone(yield* store.loadInfo(infoHash)));
    }).pipe(Effect.scoped),
  );

  it.live("fails as resume.unusable where the folder cannot be used", () =>
    Effect.gen(function* () {
      const folder = yield* temporary;
      Fs.writeFileSync(Path.join(folder, "state"), "a file");
      const store = yield* storeIn(Path.join(folder, "state"));
      for (const effect of [store.save(key, record), store.saveInfo(infoHash, Uint8Array.of(1)), store.load(key)]) {
        assert.strictEqual((yield* Effect.flip(Effect.asVoid(effect))).code, "resume.unusable");
      }
      assert.strictEqual((yield* Effect.flip(Effect.scoped(store.lock(key.root)))).code, "resume.unusable");
    }).pipe(Effect.scoped),
  );

  it.live("fails where what is there cannot be read, which is not as if nothing were there", () =>
    Effect.gen(function* () {
      const folder = yield* temporary;
      const store = yield* storeIn(folder);
      Fs.mkdirSync(Path.join(folder, "torrents", infoHash.hex, "layers"), { recursive: true });
      const error = yield* Effect.flip(store.loadLayers(infoHash));
      assert.strictEqual(error.code, "resume.unusable");
    }),
  );

  it.live("takes over the lock of a process that was killed, not of one that lives", () =>
    Effect.gen(function* () {
      const folder = yield* temporary;
      const store = yield* storeIn(folder);
      const [child, said] = yield* holder(folder, key.root);
      assert.strictEqual(said, "held");
      const busy = yield* Effect.flip(Effect.scoped(store.lock(key.root)));
      assert.include(busy.message, `process ${child.pid}`);
      yield* killed(child);
      assert.lengthOf(all(folder), 2);
      yield* Effect.scoped(store.lock(key.root));
      assert.lengthOf(all(folder), 0);
    }).pipe(Effect.scoped),
  );

  it.live("is not deceived by a process number that was given again, or by a reboot", () =>
    Effect.gen(function* () {
      const folder = yield* temporary;
      const store = yield* storeIn(folder);
      for (const disguise of [
        ([name, pid, started, boot]: ReadonlyArray<string>) => `${name}.${pid}.1${started}.${boot}.once`,
        ([name, pid, started]: ReadonlyArray<string>) => `${name}.${pid}.${started}.before.once`,
      ]) {
        // The lock of a process that lives, ours, as it would be called if that were another one.
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* store.lock(key.root);
            const [own = ""] = all(folder);
            Fs.writeFileSync(Path.join(Path.dirname(own), disguise(Path.basename(own).split("."))), "");
          }),
        );
        assert.lengthOf(all(folder), 1);
        yield* Effect.scoped(store.lock(key.root));
        assert.lengthOf(all(folder), 0);
      }
    }).pipe(Effect.scoped),
  );

  it.live("gives the lock to one of two that start together", () =>
    Effect.gen(function* () {
      const folder = yield* temporary;
      const said = yield* Effect.all([holder(folder, key.root), holder(folder, key.root)], { concurrency: 2 });
      assert.lengthOf(
        said.filter(([, line]) => line === "held"),
        1,
      );
    }).pipe(Effect.scoped),
  );

  it.live("locks a place however it is named", () =>
    Effect.gen(function* () {
      const folder = yield* temporary;
      Fs.mkdirSync(Path.join(folder, "real"));
      Fs.symlinkSync("real", Path.join(folder, "link"));
      const store = yield* storeIn(Path.join(folder, "state"));
      yield* store.lock(Path.join(folder, "real", "out"));
      const second = yield* Effect.flip(Effect.scoped(store.lock(Path.join(folder, "link", "out"))));
      assert.strictEqual(second.code, "storage.busy");
    }).pipe(Effect.scoped),
  );

  it.effect("lives where XDG_STATE_HOME says, if that is absolute", () =>
    Effect.gen(function* () {
      const at = (env: Record<string, string>) =>
        Effect.provide(stateFolder, ConfigProvider.layer(ConfigProvider.fromEnvRecord(env)));
      assert.strictEqual(yield* at({ XDG_STATE_HOME: "/s" }), "/s/bt-effect");
      const usual = Path.join(Os.homedir(), ".local/state/bt-effect");
      assert.strictEqual(yield* at({ XDG_STATE_HOME: "s" }), usual);
      assert.strictEqual(yield* at({}), usual);
    }),
  );

  it.effect("lives at the root for who has no home, never in the current folder", () =>
    Effect.gen(function* () {
      yield* Effect.addFinalizer(() => Effect.sync(() => vi.unstubAllEnvs()));
      vi.stubEnv("HOME", "");
      const noConfig = ConfigProvider.layer(ConfigProvider.fromEnvRecord({}));
      assert.strictEqual(yield* Effect.provide(stateFolder, noConfig), "/.local/state/bt-effect");
    }),
  );
});
