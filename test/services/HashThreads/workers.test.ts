import { assert, describe, it } from "@effect/vitest";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import { readdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { digests } from "../../../src/services/digests.ts";
import { HashThreads } from "../../../src/services/HashThreads/HashThreads.ts";
import * as Workers from "../../../src/services/HashThreads/workers.ts";
import { emptyFolder } from "../../support/clients/folder.ts";

const inThread = <A, E, R>(use: Effect.Effect<A, E, R>) => Effect.provide(use, Workers.layer);

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("hex");

/** Threads of this process. */
const threads = (): number => readdirSync("/proc/self/task").length;

describe("workers", () => {
  it.live("hash pieces that lie in several files and in none, by SHA-1 and by tree", () =>
    Effect.gen(function* () {
      const folder = yield* emptyFolder;
      const content = new Uint8Array(700_000).map((_, at) => at * 13 + (at >> 9));
      const paths = [join(folder, "a"), join(folder, "b")] as const;
      writeFileSync(paths[0], content.subarray(0, 300_000));
      writeFileSync(paths[1], new Uint8Array([1, 2, ...content.subarray(300_000)]));
      const thread = yield* Effect.flatMap(HashThreads, ({ start }) => start);
      const whole = Uint8Array.from([...content, ...new Uint8Array(51)]);
      const found = yield* thread.hash({
        pieces: [
          { length: 600_000, padded: 600_000, level: 6 },
          { length: 100_050, padded: 100_051 },
        ],
        places: [
          { length: 300_000, file: { path: paths[0], named: false, position: 0 } },
          { length: 400_000, file: { path: paths[1], named: false, position: 2 } },
          { length: 50 },
        ],
      });
      assert.strictEqual(hex(found?.[0]?.sha1), hex(digests.sha1(whole.subarray(0, 600_000))));
      assert.strictEqual(hex(found?.[1]?.sha1), hex(digests.sha1(whole.subarray(600_000))));
      assert.strictEqual(found?.[0]?.node?.length, 32);
      assert.strictEqual(found?.[1]?.node, undefined);
    }).pipe(Effect.scoped, inThread),
  );

  it.live("give no digests for files that are not there, end early or are links, and go on", () =>
    Effect.gen(function* () {
      const folder = yield* emptyFolder;
      writeFileSync(join(folder, "short"), "12");
      symlinkSync("short", join(folder, "link"));
      const thread = yield* Effect.flatMap(HashThreads, ({ start }) => start);
      const ask = (name: string, length: number, named = false) =>
        thread.hash({
          pieces: [{ length, padded: length }],
          places: [{ length, file: { path: join(folder, name), named, position: 0 } }],
        });
      for (const name of ["nothing", "short", "link"]) assert.isUndefined(yield* ask(name, 3), name);
      assert.isUndefined(yield* ask("link", 2));
      const both = yield* Effect.all([ask("short", 2), ask("link", 2, true)], { concurrency: 2 });
      for (const found of both) assert.strictEqual(hex(found?.[0]?.sha1), hex(digests.sha1(Buffer.from("12"))));
    }).pipe(Effect.scoped, inThread),
  );

  it.live("give no digests where the system lets no more threads be started", () =>
    Effect.gen(function* () {
      const real = process.getBuiltinModule.bind(process);
      const Worker = function (): never {
        throw Object.assign(new Error("EAGAIN"), { code: "ERR_WORKER_INIT_FAILED" });
      };
      // Of all modules this one alone is another, and of it nothing but the class is used.
      process.getBuiltinModule = (name: string) => (name === "node:worker_threads" ? { Worker } : real(name));
      yield* Effect.addFinalizer(() => Effect.sync(() => (process.getBuiltinModule = real)));
      const thread = yield* Effect.flatMap(HashThreads, ({ start }) => start);
      assert.isUndefined(yield* thread.hash({ pieces: [], places: [] }));
    }).pipe(Effect.scoped, inThread),
  );

  it.live("end with their scope in the middle of a piece", () =>
    Effect.gen(function* () {
      const folder = yield* emptyFolder;
      const path = join(folder, "sparse");
      writeFileSync(path, "");
      truncateSync(path, 2 ** 34);
      const before = threads();
      const length = 2 ** 30;
      const job = {
        pieces: [{ length, padded: length }],
        places: [{ length, file: { path, named: false, position: 0 } }],
      };
      const running = yield* Deferred.make<void>();
      const fiber = yield* Effect.forkChild(
        Effect.scoped(
          Effect.gen(function* () {
            const thread = yield* Effect.flatMap(HashThreads, ({ start }) => start);
            assert.isUndefined(yield* thread.hash({ ...job, places: [] }));
            yield* Deferred.succeed(running, undefined);
            return yield* thread.hash(job);
          }),
        ),
      );
      yield* Deferred.await(running);
      const start = performance.now();
      yield* Fiber.interrupt(fiber);
      assert.isBelow(performance.now() - start, 500);
      // The system lists a thread for a moment longer than it can be waited for.
      while (threads() > before) yield* Effect.yieldNow;
    }).pipe(inThread, Effect.scoped),
  );

  it.live("hash on the thread that asks, too, with turns for others in between", () =>
    Effect.gen(function* () {
      const folder = yield* emptyFolder;
      const path = join(folder, "sparse");
      const length = 2 ** 26;
      writeFileSync(path, "");
      truncateSync(path, length);
      const { here = () => Effect.undefined } = yield* HashThreads;
      const job = {
        pieces: [{ length, padded: length }],
        places: [{ length, file: { path, named: false, position: 0 } }],
      };
      let turns = 0;
      const others = yield* Effect.forkChild(
        Effect.forever(
          Effect.andThen(
            Effect.yieldNow,
            Effect.sync(() => void (turns += 1)),
          ),
        ),
        { startImmediately: true },
      );
      const found = yield* here(job);
      yield* Fiber.interrupt(others);
      assert.strictEqual(hex(found?.digests[0]?.sha1), hex(digests.sha1(new Uint8Array(length))));
      assert.isAbove(found?.reading ?? 0, 0);
      assert.isAbove(turns, 2);
      truncateSync(path, 10);
      assert.isUndefined(yield* here(job), "the file ends early");
      truncateSync(path, length);
      const descriptors = () => readdirSync("/proc/self/fd").length;
      const before = descriptors();
      const fiber = yield* Effect.forkChild(here(job), { startImmediately: true });
      yield* Fiber.interrupt(fiber);
      assert.strictEqual(descriptors(), before);
    }).pipe(Effect.scoped, inThread),
  );

  it.live("give others turns while they open many small files on the thread that asks", () =>
    Effect.gen(function* () {
      const folder = yield* emptyFolder;
      const path = join(folder, "small");
      writeFileSync(path, new Uint8Array(1024));
      const { here = () => Effect.undefined } = yield* HashThreads;
      const count = 6 * 1024;
      const length = count * 1024;
      const job = {
        pieces: [{ length, padded: length }],
        places: Array.from({ length: count }, () => ({ length: 1024, file: { path, named: false, position: 0 } })),
      };
      let turns = 0;
      yield* Effect.forkChild(
        Effect.forever(
          Effect.andThen(
            Effect.yieldNow,
            Effect.sync(() => void (turns += 1)),
          ),
        ),
        { startImmediately: true },
      );
      turns = 0;
      const found = yield* here(job);
      assert.strictEqual(hex(found?.digests[0]?.sha1), hex(digests.sha1(new Uint8Array(length))));
      assert.isAtLeast(turns, 2);
    }).pipe(Effect.scoped, inThread),
  );
});
