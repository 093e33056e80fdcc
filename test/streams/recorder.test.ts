import { assert, describe, it } from "@effect/vitest";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Fiber from "effect/Fiber";
import * as Latch from "effect/Latch";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import * as Scope from "effect/Scope";
import * as Stream from "effect/Stream";
import { TestClock } from "effect/testing";
import * as Bitfield from "../../src/schema/bitfield.ts";
import { StorageError } from "../../src/schema/errors/StorageError.ts";
import { wantedPieces } from "../../src/schema/geometry.ts";
import type { PartialPiece } from "../../src/schema/resume.ts";
import { Events } from "../../src/services/Events.ts";
import { ResumeMachine } from "../../src/services/ResumeStore/memory.ts";
import { ResumeStore } from "../../src/services/ResumeStore/ResumeStore.ts";
import { MemoryDisk } from "../../src/services/Storage/memory.ts";
import { Storage, type OpenStorage } from "../../src/services/Storage/Storage.ts";
import { openOutput } from "../../src/streams/output.ts";
import { makeRecorder } from "../../src/streams/recorder.ts";
import { recover } from "../../src/streams/resume.ts";
import { makePieceHashes } from "../../src/schema/pieceHashes.ts";
import { digests } from "../support/digests.ts";
import { wallClock } from "../support/wallClock.ts";
import { onMachine, requestFor, torrentOf } from "./disk.ts";

const torrent = torrentOf([{ length: 40 }, { length: 32 }, { length: 8 }]);
const { info, bytes } = torrent;
const key = { infoHash: info.infoHash, root: "/d/name" };

/** Begins a run in the scope at hand; it holds no lock, as if its process could die at any moment. */
const begin = (
  options: {
    readonly partial?: ReadonlyArray<PartialPiece>;
    readonly spoil?: (storage: OpenStorage) => OpenStorage;
    readonly also?: Effect.Effect<void>;
  } = {},
) =>
  Effect.gen(function* () {
    const output = yield* Effect.scoped(openOutput(info, requestFor(info)));
    const opened = yield* (yield* Storage).open(output.layout);
    const storage = options.spoil?.(opened) ?? opened;
    const recovered = yield* recover({
      info,
      hashes: makePieceHashes(info, digests.sha256),
      output,
      storage,
      check: false,
      overwrite: false,
    });
    const recorder = yield* makeRecorder({
      output,
      storage,
      recovered,
      info,
      wanted: wantedPieces(info),
      traffic: () => ({ downloaded: 5, uploaded: 3 }),
      peers: () => ["10.0.0.1:6881"],
      also: options.also ?? Effect.void,
      partial: Effect.succeed(options.partial ?? []),
    });
    const put = (index: number) =>
      Effect.andThen(
        storage.write(index * 16, bytes.subarray(index * 16, index * 16 + 16)),
        Effect.sync(() => recorder.wrote(index)),
      );
    return { storage, recovered, recorder, put };
  });

const load = Effect.map(
  ResumeStore.use((store) => store.load(key)),
  Option.getOrThrow,
);
const indices = (set: Uint8Array): ReadonlyArray<number> =>
  Array.from({ length: info.pieceCount }, (_, index) => index).filter((index) => Bitfield.has(set, index));

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

  const Step = Schema.Struct({
    piece: Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 4 }))),
    /** Milliseconds until the next step. */
    wait: Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 12_000 }))),
  });
  const Life = Schema.Struct({
    steps: Schema.Array(Step).pipe(Schema.check(Schema.isMaxLength(8))),
    end: Schema.Literals(["killed", "power cut", "in order"]),
    /** Milliseconds until the next life. */
    pause: Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 20_000 }))),
    /** Whether somebody else's program spoils a file in between, long after. */
    spoilt: Schema.Boolean,
  });

  it.effect.prop(
    "never has a piece believed that isn't on disk, whenever and however runs end",
    { lives: Schema.Array(Life).pipe(Schema.check(Schema.isMaxLength(4))) },
    ({ lives }) =>
      onMachine(
        Effect.gen(function* () {
          const disk = yield* MemoryDisk;
          const machine = yield* ResumeMachine;
          /** When each piece was last written; none when it was not, or was spoilt since. */
          const since = new Map<number, number>();
          const spoil = Effect.gen(function* () {
            yield* TestClock.adjust("1 minute");
            const found = yield* disk.get("/d/name/f1");
            if (found !== undefined) yield* disk.put("/d/name/f1", found.fill(0xff));
            for (const index of [2, 3, 4]) since.delete(index);
          });
          const live = (life: (typeof lives)[number]) =>
            Effect.gen(function* () {
              const scope = yield* Scope.make();
              const { storage, recovered, recorder, put } = yield* Scope.provide(begin(), scope);
              for (const index of indices(recovered.have)) {
                const length = Math.min(16, bytes.length - index * 16);
                const found = new Uint8Array(length);
                yield* storage.read(index * 16, found);
                assert.deepStrictEqual(found, bytes.slice(index * 16, index * 16 + length), `piece ${index}`);
              }
              // What was there for longer than the interval of its kind is not lost.
              for (const index of since.keys()) {
                const age = died - (since.get(index) ?? died);
                if (age > (lastEnd === "power cut" ? 35_000 : 5_000) || lastEnd === "in order") {
                  assert.include(indices(recovered.have), index);
                }
              }
              const have = new Set(indices(recovered.have));
              for (const index of since.keys()) if (!have.has(index)) since.delete(index);
              const running = yield* Effect.forkDetach(recorder.run, { startImmediately: true });
              for (const { piece, wait } of life.steps) {
                if (!have.has(piece)) {
                  yield* put(piece);
                  have.add(piece);
                  since.set(piece, yield* Clock.currentTimeMillis);
                }
                yield* TestClock.adjust(wait);
              }
              yield* Fiber.interrupt(running);
              died = yield* Clock.currentTimeMillis;
              lastEnd = life.end;
              // A process that is killed closes no scope.
              if (life.end === "in order") yield* Scope.close(scope, Exit.void);
              if (life.end === "power cut") yield* Effect.andThen(disk.powerCut, machine.reboot);
              yield* TestClock.adjust(life.pause);
              if (life.spoilt) yield* spoil;
            });
          let died = 0;
          let lastEnd: (typeof lives)[number]["end"] = "in order";
          const last = { steps: [], end: "in order", pause: 0, spoilt: false } as const;
          for (const life of [...lives, last]) yield* live(life);
        }),
      ),
    { arbitrary: { runs: 150 } },
  );
});
