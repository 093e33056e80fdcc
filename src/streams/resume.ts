/**
 * What is on disk already when a download begins: pieces that a record vouches for (trust.ts), pieces that hashing finds (checking.ts), and files
 * that are somebody else's, which stop the download before it writes anything.
 */
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Path from "effect/Path";
import * as Bitfield from "../schema/bitfield.ts";
import { StorageError } from "../schema/errors/StorageError.ts";
import { pieceLength, pieceOffset, piecesOf } from "../schema/geometry.ts";
import type { MetainfoError } from "../schema/errors/MetainfoError.ts";
import type { TorrentInfo } from "../schema/metainfo.ts";
import type { PieceHashes } from "../schema/pieceHashes.ts";
import type { PartialPiece, ResumeRecord } from "../schema/resume.ts";
import { DataSettings } from "../schema/settings.ts";
import type { Hasher } from "../services/Hasher.ts";
import { ResumeStore } from "../services/ResumeStore/ResumeStore.ts";
import { Storage, type FileState, type LayoutFile, type OpenStorage } from "../services/Storage/Storage.ts";
import { checkPieces, writtenPieces } from "./checking.ts";
import { wasSelected, type Output } from "./output.ts";
import { judge, trustNothing } from "./trust.ts";

/** What `recover` needs to know. */
export interface RecoverOptions {
  readonly info: TorrentInfo;
  readonly hashes: PieceHashes;
  readonly output: Output;
  /** The output's open storage. */
  readonly storage: OpenStorage;
  /** Hash everything, trust no record. */
  readonly check: boolean;
  /** Files that have nothing in common with the torrent may be replaced. */
  readonly overwrite: boolean;
  /** Told, while hashing, of the bytes looked at and of all that will be. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** What a download starts from. */
export interface Recovered {
  /** Bits of the pieces that are there and good. */
  readonly have: Uint8Array;
  /** Those of them that are known to survive a power cut. */
  readonly synced: Uint8Array;
  /** Pieces of which some blocks are on disk, not verified. */
  readonly partial: ReadonlyArray<PartialPiece>;
  /** `record`: a record was believed and nothing hashed; `hashed`: something was; `none`: there was nothing. */
  readonly from: "record" | "hashed" | "none";
  /** Payload bytes of earlier runs. */
  readonly downloaded: number;
  readonly uploaded: number;
}

/** Bytes that are looked at together when a file may be all zeros. */
const LOOK_LENGTH = 1024 * 1024;

const storageError = (path: string, tag: "Foreign" | "Gone"): StorageError =>
  new StorageError({ operation: "open", path, reason: { _tag: tag } });

/**
 * A complete output of which nothing is left, its folder gone too, is a disk that is not mounted: stop rather than fetch it again in silence.
 * Where the folder is there, the files were removed on purpose, and the same command fetches them again.
 */
const refuseGone = (
  { layout, record }: Output,
  states: ReadonlyArray<FileState>,
): Effect.Effect<void, StorageError, Storage> =>
  Effect.gen(function* () {
    if (Option.isNone(record) || !record.value.complete) return;
    if (states.some((state, index) => state.exists && layout.files[index]?.kind === "write")) return;
    const path = yield* Path.Path;
    const parent = yield* Storage.use((storage) => storage.inspect(path.dirname(layout.root)));
    if (parent === "none") return yield* storageError(layout.root, "Gone");
  }).pipe(Effect.provide(Path.layer));

/** Files chosen only now that had bytes kept aside get these bytes: where pieces they share with their neighbours are had already. */
const bringOver = (
  info: TorrentInfo,
  { layout, record, selected }: Output,
  states: ReadonlyArray<FileState>,
  storage: OpenStorage,
): Effect.Effect<boolean, StorageError, Storage> =>
  Effect.gen(function* () {
    if (Option.isNone(record)) return false;
    const { written } = record.value;
    const wasOurs = wasSelected(record);
    const added = selected.filter((index) => !wasOurs(index) && states[index]?.exists === false);
    const spans = added.flatMap((index) => {
      const file = layout.files[index];
      const range = file === undefined ? undefined : piecesOf(info, file);
      if (file === undefined || range === undefined) return [];
      // Aside is only what shares a piece with a file that was chosen: the first and the last piece of a file.
      return [...new Set([range.first, range.last])]
        .filter((piece) => Bitfield.has(written, piece))
        .map((piece) => {
          const start = Math.max(pieceOffset(info, piece), file.offset);
          const end = Math.min(pieceOffset(info, piece) + pieceLength(info, piece), file.offset + file.length);
          return { start, length: end - start };
        });
    });
    if (spans.length === 0) return false;
    const before = layout.files.map((file, index): LayoutFile =>
      added.includes(index) ? { ...file, kind: "aside" } : file,
    );
    const aside = yield* Storage.use((service) => service.open({ ...layout, files: before }));
    for (const { start, length } of spans) {
      const bytes = new Uint8Array(length);
      const found = yield* aside.read(start, bytes).pipe(
        Effect.as(true),
        // What is not there any more is fetched again.
        Effect.catchIf(
          (error) => error.reason._tag === "Missing",
          () => Effect.succeed(false),
        ),
      );
      if (found) yield* storage.write(start, bytes);
    }
    // The record may call these pieces synced.
    yield* storage.sync;
    return true;
  }).pipe(Effect.scoped);

const isZero = (file: LayoutFile, length: number, storage: OpenStorage): Effect.Effect<boolean, StorageError> =>
  Effect.gen(function* () {
    const buffer = new Uint8Array(Math.min(LOOK_LENGTH, length));
    for (let from = 0; from < length; from += LOOK_LENGTH) {
      const bytes = buffer.subarray(0, Math.min(LOOK_LENGTH, length - from));
      yield* storage.read(file.offset + from, bytes);
      if (bytes.some((byte) => byte !== 0)) return false;
    }
    return true;
  });

/** Stops at a file that is not empty, in which no piece is good, and which no record calls ours. */
const refuseForeign = (
  { info, output, storage }: RecoverOptions,
  states: ReadonlyArray<FileState>,
  have: Uint8Array,
): Effect.Effect<void, StorageError> => {
  const isOurs = wasSelected(output.record);
  const sizeOf = (index: number): number => states[index]?.size ?? 0;
  const isClaimed = (file: LayoutFile): boolean => {
    const range = piecesOf(info, file);
    for (let piece = range?.first ?? 0; piece <= (range?.last ?? -1); piece++)
      if (Bitfield.has(have, piece)) return true;
    return false;
  };
  const strange = [...output.layout.files.entries()].filter(
    ([index, file]) =>
      file.kind === "write" && file.link === undefined && sizeOf(index) > 0 && !isOurs(index) && !isClaimed(file),
  );
  return Effect.forEach(
    strange,
    Effect.fnUntraced(function* ([index, file]) {
      const size = sizeOf(index);
      if (size > file.length || !(yield* isZero(file, size, storage))) return yield* storageError(file.path, "Foreign");
    }),
    { discard: true },
  );
};

/** Totals of a record. */
const totals = (record: Option.Option<ResumeRecord>): Pick<Recovered, "downloaded" | "uploaded"> =>
  Option.match(record, {
    onNone: () => ({ downloaded: 0, uploaded: 0 }),
    onSome: ({ downloaded, uploaded }) => ({ downloaded, uploaded }),
  });

/** Finds out what is on disk, reading as little as the record allows. */
export const recover = (
  options: RecoverOptions,
): Effect.Effect<Recovered, StorageError | MetainfoError, Storage | ResumeStore | Hasher> =>
  Effect.gen(function* () {
    const { info, hashes, output, storage, onProgress } = options;
    const { recordInterval } = yield* DataSettings;
    const bootId = yield* ResumeStore.use((store) => store.bootId);
    const first = yield* storage.survey;
    if (!options.overwrite) yield* refuseGone(output, first);
    const states = (yield* bringOver(info, output, first, storage)) ? yield* storage.survey : first;

    const record = Option.getOrUndefined(output.record);
    const evidence = { info, states, record, bootId, recordInterval };
    const verdict = options.check ? trustNothing(evidence) : judge(evidence);
    const recent = yield* writtenPieces({ info, storage, pieces: verdict.chances });
    const suspects = Bitfield.union(verdict.suspects, recent);
    const found = yield* checkPieces({ info, hashes, storage, pieces: suspects, onProgress });
    const have = Bitfield.union(verdict.trusted, found);
    if (!options.overwrite) yield* refuseForeign(options, states, have);

    const trusted = Bitfield.count(verdict.trusted);
    const hashed = Bitfield.count(suspects) > 0;
    return {
      have,
      synced: Bitfield.intersection(verdict.trusted, record?.synced ?? Bitfield.make(info.pieceCount)),
      partial: verdict.partial.filter(({ index }) => !Bitfield.has(have, index)),
      from: hashed ? "hashed" : trusted > 0 || verdict.partial.length > 0 ? "record" : "none",
      ...totals(output.record),
    };
  });
