/** When a record is saved, and what it says. */
import { assert, describe, it } from "@effect/vitest";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Fiber from "effect/Fiber";
import * as Latch from "effect/Latch";
import * as Stream from "effect/Stream";
import { TestClock } from "effect/testing";
import { Events } from "../../src/services/Events.ts";
import { ResumeMachine } from "../../src/services/ResumeStore/memory.ts";
import { ResumeStore } from "../../src/services/ResumeStore/ResumeStore.ts";
import type { OpenStorage } from "../../src/services/Storage/Storage.ts";
import { wallClock } from "../support/wallClock.ts";
import { onMachine } from "./disk.ts";
import { begin, indices, load } from "./recording.ts";

describe("recorder", () => {
  it.effect("records within 5 seconds, syncs within 30, and only when there is something to tell", () =>
    onMachine(
      Effect.gen(function* () {
        const machine = yield* ResumeMachine;
        const { recorder, put } = yield* begin();
        assert.strictEqual(yield* machine.saves, 1);
        yield* Effect.forkScoped(recorder.run, { startImmediately: true });
        yield* TestClock.adjust("29 seconds");
        assert.strictEqual(yield* machine.saves, 1);
        yield* put(1);
        yield* TestClock.adjust("500 millis");
        assert.deepStrictEqual(indices((yield* load).written), []);
        yield* TestClock.adjust("4 seconds");
        const recorded = yield* load;
        assert.deepInclude(recorded, { clean: false, complete: false, downloaded: 5, uploaded: 3, partial: [] });
        assert.deepStrictEqual(recorded.peers, ["10.0.0.1:6881"]);
        assert.deepStrictEqual([indices(recorded.written), indices(recorded.synced)], [[1], [1]]);
        yield* put(2);
        yield* TestClock.adjust("5 seconds");
        const later = yield* load;
        assert.deepStrictEqual([indices(later.written), indices(later.synced)], [[1, 2], [1]]);
        yield* TestClock.adjust("30 seconds");
        assert.deepStrictEqual(indices((yield* load).synced), [1, 2]);
        recorder.lost(2);
        yield* TestClock.adjust("5 seconds");
        const last = yield* load;
        assert.deepStrictEqual([indices(last.written), indices(last.synced)], [[1], [1]]);
        const saves = yield* machine.saves;
        yield* TestClock.adjust("10 minutes");
        assert.strictEqual(yield* machine.saves, saves);
      }),
    ),
  );

  it.effect("records within 5 seconds and syncs within 30 when the clock on the wall is set back, too", () =>
    onMachine(
      Effect.gen(function* () {
        const clock = yield* Clock.Clock;
        let hours = 10;
        const { recorder, put } = yield* begin();
        yield* Effect.forkScoped(
          Effect.provideService(
            recorder.run,
            Clock.Clock,
            wallClock(clock, () => hours),
          ),
          {
            startImmediately: true,
          },
        );
        yield* TestClock.adjust("5 seconds");
        hours -= 2 + 3.9 / 3600;
        yield* TestClock.adjust("3 seconds");
        yield* put(1);
        yield* TestClock.adjust("5 seconds");
        const { written } = yield* load;
        assert.deepStrictEqual(indices(written), [1]);
        yield* TestClock.adjust("17 seconds");
        yield* put(2);
        yield* TestClock.adjust("31 seconds");
        const { synced } = yield* load;
        assert.deepStrictEqual(indices(synced), [1, 2]);
      }),
    ),
  );

  it.effect("keeps within 5 seconds what was learnt before a piece is there, like hashes of a magnet link", () =>
    onMachine(
      Effect.gen(function* () {
        let kept = 0;
        const { recorder } = yield* begin({ also: Effect.sync(() => void kept++) });
        yield* Effect.forkScoped(recorder.run, { startImmediately: true });
        yield* TestClock.adjust("10 seconds");
        assert.strictEqual(kept, 1);
        recorder.touched();
        // As if the process died then: no end of the scope is waited for.
        yield* TestClock.adjust("5 seconds");
        assert.strictEqual(kept, 2);
      }),
    ),
  );

  it.effect("saves one record at a time, also where a sync ends while one is being saved", () =>
    onMachine(
      Effect.gen(function* () {
        const store = yield* ResumeStore;
        let saving = 0;
        let mostAtOnce = 0;
        const slow = ResumeStore.of({
          ...store,
          save: (at, record) =>
            Effect.acquireUseRelease(
              Effect.sync(() => (mostAtOnce = Math.max(mostAtOnce, ++saving))),
              () =>
                Effect.andThen(
                  record.written.some((byte) => byte > 0) ? Effect.sleep("100 millis") : Effect.void,
                  store.save(at, record),
                ),
              () => Effect.sync(() => saving--),
            ),
        });
        const stopped = yield* Effect.forkScoped(
          Effect.scoped(
            Effect.gen(function* () {
              const { recorder, put } = yield* begin({
                spoil: (storage) => ({ ...storage, sync: Effect.andThen(Effect.sleep("2050 millis"), storage.sync) }),
              });
              yield* Effect.forkScoped(recorder.run, { startImmediately: true });
              yield* put(0);
              yield* Effect.sleep("31 seconds");
              yield* put(1);
              yield* Effect.sleep("5 seconds");
            }),
          ).pipe(Effect.provideService(ResumeStore, slow)),
        );
        yield* TestClock.adjust("1 minute");
        assert.isTrue(Exit.isSuccess(yield* Fiber.await(stopped)));
        const { written, synced } = yield* load;
        assert.deepStrictEqual([indices(written), indices(synced)], [[0, 1], [0]]);
        assert.strictEqual(mostAtOnce, 1);
      }),
    ),
  );

  it.effect("has only that flushed of what is there which no record calls synced", () =>
    onMachine(
      Effect.gen(function* () {
        const adopted: Array<readonly [number, number]> = [];
        const spoil = (storage: OpenStorage): OpenStorage => ({
          ...storage,
          adopt: (offset, length) => {
            adopted.push([offset, length]);
            return storage.adopt(offset, length);
          },
        });
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { recorder, put } = yield* begin();
            yield* Effect.forkScoped(recorder.run, { startImmediately: true });
            yield* put(2);
            yield* TestClock.adjust("30 seconds");
            yield* Effect.forEach([0, 1, 3, 4], put);
          }),
        );
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { recovered, recorder } = yield* begin({ spoil });
            assert.deepStrictEqual([indices(recovered.have), indices(recovered.synced)], [[0, 1, 2, 3, 4], [2]]);
            yield* Effect.forkScoped(recorder.run, { startImmediately: true });
            yield* TestClock.adjust("1 second");
          }),
        );
        assert.deepStrictEqual(adopted.splice(0), [
          [0, 32],
          [48, 32],
        ]);
        yield* begin({ spoil });
        assert.deepStrictEqual(adopted, []);
      }),
    ),
  );

  it.effect("does not call a piece synced that was lost and written again while the sync ran", () =>
    onMachine(
      Effect.gen(function* () {
        const gate = yield* Latch.make(false);
        const { recorder, put } = yield* begin({
          spoil: (storage) => ({ ...storage, sync: Latch.whenOpen(gate, storage.sync) }),
        });
        yield* put(1);
        yield* put(2);
        yield* Effect.forkScoped(recorder.run, { startImmediately: true });
        yield* TestClock.adjust("30 seconds");
        recorder.lost(2);
        yield* put(2);
        yield* Latch.open(gate);
        yield* TestClock.adjust("5 seconds");
        const { written, synced } = yield* load;
        assert.deepStrictEqual([indices(written), indices(synced)], [[1, 2], [1]]);
      }),
    ),
  );

  it.effect("gives up with one warning when the state folder becomes unusable", () =>
    onMachine(
      Effect.gen(function* () {
        const machine = yield* ResumeMachine;
        const { recorder, put } = yield* begin();
        yield* Effect.forkScoped(recorder.run, { startImmediately: true });
        yield* machine.setUnusable(true);
        for (const index of [0, 1, 2]) {
          yield* put(index);
          yield* TestClock.adjust("10 seconds");
        }
        yield* machine.setUnusable(false);
        yield* put(3);
        yield* TestClock.adjust("10 seconds");
        assert.strictEqual(yield* machine.saves, 1);
        const events = yield* Events;
        yield* events.end;
        const said = yield* Stream.runCollect(events.stream);
        assert.deepStrictEqual(
          said.map((event) => (event.type === "warning" ? event.code : event.type)),
          ["resume.unusable"],
        );
      }),
    ),
  );
});
