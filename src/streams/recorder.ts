/**
 * Keeps the resume record of a running download up to date: what the sink has written is recorded every few seconds, if it is still there, synced now
 * and then, and once more at the end. It believes the sink; what a record is worth later is decided in trust.ts.
 *
 * Life cycle: `makeRecorder` saves the first record, so that the output is known as ours before anything is written there. `run` does the
 * rest while the download goes on and fails with the disk. When the scope ends, however it ends, the last record is saved. State: two bitfields in
 * this closure.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Option from "effect/Option";
import type * as Scope from "effect/Scope";
import * as Semaphore from "effect/Semaphore";
import * as Bitfield from "../schema/bitfield.ts";
import { isSame } from "../schema/bytes.ts";
import { pieceLength, pieceOffset } from "../schema/geometry.ts";
import type { TorrentInfo } from "../schema/metainfo.ts";
import type { StorageError } from "../schema/errors/StorageError.ts";
import type { ResumeError } from "../schema/errors/ResumeError.ts";
import { RESUME_VERSION, type PartialPiece } from "../schema/resume.ts";
import { DataSettings } from "../schema/settings.ts";
import { Events } from "../services/Events.ts";
import { ResumeStore } from "../services/ResumeStore/ResumeStore.ts";
import type { OpenStorage } from "../services/Storage/Storage.ts";
import type { Output } from "./output.ts";
import type { Recovered } from "./resume.ts";

/** Records are made a little more often than promised: a file may be written to until the next one is safely on disk. */
const MARGIN = 0.8;

/** Milliseconds that the end waits for the last sync; what is not synced by then counts as not synced. */
const LAST_SYNC = 1_000;

/** What a recorder is made of. */
export interface RecorderOptions {
  readonly output: Output;
  readonly storage: OpenStorage;
  readonly recovered: Recovered;
  readonly info: TorrentInfo;
  /** Bits of the pieces that are to be fetched: when all are there, the download is complete. */
  readonly wanted: Uint8Array;
  /** Payload bytes of this run. */
  readonly traffic: () => { readonly downloaded: number; readonly uploaded: number };
  /** Peers that were of use, as `address:port`. */
  readonly peers: () => ReadonlyArray<string>;
  /** Keeps what else is to outlive the run; part of every record. */
  readonly also: Effect.Effect<void, ResumeError>;
  /** At the end: writes out what is worth keeping of pieces under way, and names it. */
  readonly partial: Effect.Effect<ReadonlyArray<PartialPiece>, StorageError>;
}

/** Takes note of what is on disk. */
export interface Recorder {
  /** A verified piece was written. */
  readonly wrote: (index: number) => void;
  /** Bytes of an unfinished piece were written. */
  readonly touched: () => void;
  /** A piece that was there is bad. */
  readonly lost: (index: number) => void;
  /** Records and syncs for ever; fails when the data cannot be synced, or is no longer where it was written. */
  readonly run: Effect.Effect<never, StorageError>;
}

/** What a record says of how the run ended, if it did. */
interface RecordEnd {
  readonly clean: boolean;
  readonly partial: ReadonlyArray<PartialPiece>;
}

/** Has the next sync cover what is there and was not synced, run of pieces by run of pieces; all else that is there costs no flush. */
const adoptUnsynced = Effect.fnUntraced(function* ({ storage, info, recovered }: RecorderOptions) {
  const isUnsynced = (index: number): boolean =>
    Bitfield.has(recovered.have, index) && !Bitfield.has(recovered.synced, index);
  for (let index = 0; index < info.pieceCount; index++) {
    if (!isUnsynced(index)) continue;
    const offset = pieceOffset(info, index);
    while (isUnsynced(index + 1)) index++;
    yield* storage.adopt(offset, pieceOffset(info, index) + pieceLength(info, index) - offset);
  }
});

/** Starts recording; must be made after the storage was opened, so that it ends before. */
export const makeRecorder = (
  options: RecorderOptions,
): Effect.Effect<Recorder, never, ResumeStore | Events | Scope.Scope> =>
  Effect.gen(function* () {
    const { output, storage, recovered, info, wanted } = options;
    const store = yield* ResumeStore;
    const events = yield* Events;
    const { recordInterval, syncInterval } = yield* DataSettings;
    const bootId = yield* store.bootId;
    const written = recovered.have.slice();
    const synced = recovered.synced.slice();
    // A file that an earlier run had chosen is still ours, chosen or not.
    const ours = output.layout.files.flatMap(({ kind }, index) => (kind === "write" ? [index] : []));
    const selected = output.layout.files.some(({ kind }) => kind === "aside") ? { selected: ours } : {};
    let usable = output.recording;
    let changed = false;
    /** While a sync is under way: what it makes durable. */
    let underSync: Uint8Array | undefined;

    const isComplete = (): boolean => Bitfield.isSubset(wanted, written);

    const saveNow = (end: RecordEnd) =>
      Effect.gen(function* () {
        if (!usable) return;
        changed = false;
        yield* options.also;
        const { downloaded, uploaded } = options.traffic();
        yield* store.save(output.key, {
          version: RESUME_VERSION,
          time: yield* Clock.currentTimeMillis,
          bootId,
          clean: end.clean,
          complete: isComplete(),
          pieceCount: info.pieceCount,
          written: written.slice(),
          synced: synced.slice(),
          partial: end.partial,
          downloaded: recovered.downloaded + downloaded,
          uploaded: recovered.uploaded + uploaded,
          peers: options.peers(),
          ...selected,
        });
      }).pipe(
        Effect.catchTag("ResumeError", (error) => {
          usable = false;
          return events.publish({ type: "warning", code: error.code, message: error.message });
        }),
      );
    /** One at a time: a sync may end when a record is due, and two that are written at once spoil each other. */
    const turns = yield* Semaphore.make(1);
    const save = (end: RecordEnd) => Semaphore.withPermit(turns, saveNow(end));
    const inBetween = { clean: false, partial: [] };

    /** One at a time: what one has begun with, another would not wait for. */
    const syncTurns = yield* Semaphore.make(1);
    /** What was written before a sync began, and was not lost meanwhile, is synced after it. */
    const syncNow = Effect.gen(function* () {
      const pieces = written.slice();
      underSync = pieces;
      yield* storage.sync;
      underSync = undefined;
      if (isSame(pieces, synced)) return;
      synced.set(pieces);
      changed = true;
    });
    const sync = Semaphore.withPermit(syncTurns, syncNow);

    /** A sync cannot be interrupted, but it can be left alone: a stop does not wait for a slow disk. */
    const abandonable = Effect.flatMap(Effect.forkDetach(sync, { startImmediately: true }), Fiber.join);

    /** The state first, as it is; then, if there is more to fetch, the data, so that nothing of it need be hashed even after a power cut. */
    const end = Effect.gen(function* () {
      // A disk that no longer takes blocks has said so already; what it has stays of use.
      const partial = yield* Effect.orElseSucceed(options.partial, (): ReadonlyArray<PartialPiece> => []);
      yield* save({ clean: false, partial });
      if (isComplete()) return;
      const done = yield* Effect.timeoutOption(Effect.option(abandonable), LAST_SYNC);
      if (Option.isSome(Option.flatten(done))) yield* save({ clean: true, partial });
    });

    yield* adoptUnsynced(options);
    yield* Effect.addFinalizer(() => end);
    yield* save(inBetween);

    const record = Semaphore.withPermit(
      turns,
      Effect.suspend(() => (changed ? saveNow(inBetween) : Effect.void)),
    );
    /** Going on with a file that was deleted would fetch what is lost. A seed's files are its user's to move. */
    const look = Effect.suspend(() => (changed && !isComplete() ? storage.intact : Effect.void));
    /** Not by a Schedule that keeps to fixed times: those go by the clock on the wall, and wait longer when it is set back. */
    const every = <E>(millis: number, work: Effect.Effect<void, E>): Effect.Effect<never, E> =>
      Effect.forever(Effect.andThen(Effect.sleep(millis), work));
    const recording = every(recordInterval * MARGIN, Effect.andThen(look, record));
    const syncing = Effect.andThen(abandonable, record);
    // What the last run left unsynced has waited long enough.
    const first = isSame(written, synced) ? Effect.void : syncing;
    const syncs = Effect.andThen(first, every(syncInterval, syncing));

    return {
      wrote: (index) => {
        Bitfield.set(written, index);
        changed = true;
      },
      touched: () => {
        changed = true;
      },
      lost: (index) => {
        Bitfield.unset(written, index);
        Bitfield.unset(synced, index);
        if (underSync !== undefined) Bitfield.unset(underSync, index);
        changed = true;
      },
      run: Effect.all([recording, syncs], { concurrency: 2, discard: true }).pipe(Effect.andThen(Effect.never)),
    };
  });
