/** What is on record when a run ends, in whatever way. */
import { assert, describe, it } from "@effect/vitest";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Fiber from "effect/Fiber";
import { TestClock } from "effect/testing";
import { StorageError } from "../../src/schema/errors/StorageError.ts";
import { MemoryDisk } from "../../src/services/Storage/memory.ts";
import type { OpenStorage } from "../../src/services/Storage/Storage.ts";
import { onMachine } from "./disk.ts";
import { begin, bytes, indices, load } from "./recording.ts";

describe("recorder, as a run ends", () => {
  it.effect("ends with a clean record and the pieces under way", () =>
    onMachine(
      Effect.gen(function* () {
        const partial = [{ index: 4, blocks: Uint8Array.of(0x80) }];
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { put, storage } = yield* begin({ partial });
            yield* put(0);
            yield* storage.write(64, bytes.subarray(64));
          }),
        );
        const recorded = yield* load;
        assert.deepInclude(recorded, { clean: true, complete: false, partial });
        assert.deepStrictEqual([indices(recorded.written), indices(recorded.synced)], [[0], [0]]);
        const { recovered } = yield* begin();
        assert.deepStrictEqual(recovered.partial, partial);
        assert.deepInclude(recovered, { downloaded: 5, uploaded: 3, from: "record" });
      }),
    ),
  );

  it.effect("does not wait for a sync at completion, nor long for one at a stop", () =>
    onMachine(
      Effect.gen(function* () {
        const slow = {
          spoil: (storage: OpenStorage): OpenStorage => ({
            ...storage,
            sync: Effect.uninterruptible(Effect.delay(storage.sync, "1 hour")),
          }),
        };
        const started = yield* Clock.currentTimeMillis;
        const stopped = yield* Effect.forkScoped(Effect.scoped(Effect.flatMap(begin(slow), ({ put }) => put(0))));
        yield* TestClock.adjust("2 seconds");
        assert.isTrue(Exit.isSuccess(yield* Fiber.await(stopped)));
        assert.deepInclude(yield* load, { clean: false, complete: false });
        yield* Effect.scoped(Effect.flatMap(begin(slow), ({ put }) => Effect.forEach([0, 1, 2, 3, 4], put)));
        assert.strictEqual((yield* Clock.currentTimeMillis) - started, 2000);
        assert.deepInclude(yield* load, { clean: false, complete: true });
      }),
    ),
  );

  it.effect("calls nothing synced at a stop because a sync that is still under way has taken it on", () =>
    onMachine(
      Effect.gen(function* () {
        let syncs = 0;
        const spoil = (storage: OpenStorage): OpenStorage => ({
          ...storage,
          // The second one finds nothing that the first one has not begun with.
          sync: Effect.suspend(() =>
            syncs++ === 0 ? Effect.uninterruptible(Effect.delay(storage.sync, "1 hour")) : Effect.void,
          ),
        });
        const stopped = yield* Effect.forkScoped(
          Effect.scoped(
            Effect.gen(function* () {
              const { put, recorder } = yield* begin({ spoil });
              yield* Effect.forkScoped(recorder.run, { startImmediately: true });
              yield* put(0);
              yield* Effect.sleep("31 seconds");
            }),
          ),
        );
        yield* TestClock.adjust("33 seconds");
        assert.isTrue(Exit.isSuccess(yield* Fiber.await(stopped)));
        const recorded = yield* load;
        assert.deepStrictEqual([indices(recorded.written), indices(recorded.synced)], [[0], []]);
        assert.isFalse(recorded.clean);
      }),
    ),
  );

  it.effect("fails when the data cannot be synced, and calls nothing of it synced", () =>
    onMachine(
      Effect.gen(function* () {
        const broken = new StorageError({ operation: "sync", path: "/d/name/f0", reason: { _tag: "Missing" } });
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { recorder, put } = yield* begin({ spoil: (storage) => ({ ...storage, sync: Effect.fail(broken) }) });
            yield* put(0);
            const running = yield* Effect.forkScoped(recorder.run, { startImmediately: true });
            yield* TestClock.adjust("30 seconds");
            assert.deepStrictEqual(yield* Fiber.await(running), Exit.fail(broken));
          }),
        );
        const recorded = yield* load;
        assert.isFalse(recorded.clean);
        assert.deepStrictEqual([indices(recorded.written), indices(recorded.synced)], [[0], []]);
      }),
    ),
  );

  it.effect("fails within 5 seconds of a write when a file was deleted, and not once all is there", () =>
    onMachine(
      Effect.gen(function* () {
        const disk = yield* MemoryDisk;
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { recorder, put } = yield* begin();
            const running = yield* Effect.forkScoped(recorder.run, { startImmediately: true });
            yield* put(0);
            yield* TestClock.adjust("5 seconds");
            yield* disk.remove("/d/name/f0");
            yield* put(3);
            yield* TestClock.adjust("5 seconds");
            const { path, reason } = yield* Effect.flip(Fiber.join(running));
            assert.deepStrictEqual([path, reason._tag], ["/d/name/f0", "Missing"]);
          }),
        );
        yield* disk.remove("/d/name/f1");
        const { recorder, put } = yield* begin();
        const running = yield* Effect.forkScoped(recorder.run, { startImmediately: true });
        yield* Effect.forEach([0, 1, 2, 3, 4], put);
        yield* TestClock.adjust("1 minute");
        yield* disk.remove("/d/name/f1");
        recorder.touched();
        yield* TestClock.adjust("1 minute");
        assert.isUndefined(running.pollUnsafe());
      }),
    ),
  );
});
