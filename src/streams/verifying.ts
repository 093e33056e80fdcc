/**
 * Checks files on disk against a torrent, for their own sake: each file gets a verdict. Nothing is written, no record is read or kept.
 */
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Bitfield from "../schema/bitfield.ts";
import type { MetainfoError } from "../schema/errors/MetainfoError.ts";
import type { StorageError } from "../schema/errors/StorageError.ts";
import { fileSpans, pieceLength, pieceOffset, piecesOf } from "../schema/geometry.ts";
import type { Metainfo, TorrentFile, TorrentInfo } from "../schema/metainfo.ts";
import { makePieceHashes } from "../schema/pieceHashes.ts";
import { Hasher } from "../services/Hasher.ts";
import { type FileState, Storage, type StorageLayout } from "../services/Storage/Storage.ts";
import { checkPieces } from "./checking.ts";
import { layoutOf, payloadRoot } from "./output.ts";
import { heldPieces } from "./trust.ts";

/**
 * How a file stands: as it should be; not there; shorter or longer than it should be; with a bad piece of its own; or `doubtful`, when all that is
 * bad are pieces that it shares with neighbours, one of which may be the culprit.
 */
export type FileStatus = "good" | "missing" | "short" | "long" | "damaged" | "doubtful";

/** The verdict on one file. */
export interface FileVerdict {
  /** Position in the torrent. */
  readonly index: number;
  /** Within the torrent, with `/`. */
  readonly path: string;
  readonly status: FileStatus;
  /** Bytes, as the torrent says and as found. */
  readonly size: number;
  readonly found: number;
  readonly pieces: number;
  readonly badPieces: number;
}

/** The verdict on a payload. */
export interface Verification {
  /** Where it was looked for, absolute. */
  readonly root: string;
  readonly files: ReadonlyArray<FileVerdict>;
  readonly pieces: number;
  readonly badPieces: number;
}

/** What is checked. */
export interface VerifyOptions {
  readonly info: TorrentInfo;
  /** Piece layers by root in hex (BEP 52); absent: a file is good or bad as a whole. */
  readonly pieceLayers?: Metainfo["pieceLayers"];
  /** The payload itself or the folder that holds it, absolute. */
  readonly path: string;
  /** Told of the bytes hashed so far and of all that will be. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Whether a piece holds bytes of another file that is no pad. */
const isShared = (info: TorrentInfo, file: number, piece: number): boolean =>
  fileSpans(info.files, pieceOffset(info, piece), pieceLength(info, piece)).some(
    (span) => span.file !== file && info.files[span.file]?.pad === false,
  );

const judge = (
  info: TorrentInfo,
  good: Uint8Array,
  index: number,
  file: TorrentFile,
  state: FileState,
): FileVerdict => {
  const range = piecesOf(info, file);
  const bad: Array<number> = [];
  for (let piece = range?.first ?? 0; piece <= (range?.last ?? -1); piece++) {
    if (!Bitfield.has(good, piece)) bad.push(piece);
  }
  const statusOf = (): FileStatus => {
    if (!state.exists) return "missing";
    if (file.symlink !== undefined) return "good";
    if (state.size < file.length) return "short";
    if (bad.some((piece) => !isShared(info, index, piece))) return "damaged";
    if (state.size > file.length) return "long";
    return bad.length > 0 ? "doubtful" : "good";
  };
  return {
    index,
    path: file.path.join("/"),
    status: statusOf(),
    size: file.length,
    found: file.symlink === undefined ? state.size : 0,
    pieces: range === undefined ? 0 : range.last - range.first + 1,
    badPieces: bad.length,
  };
};

/** The state of each file; a link is only looked for, wherever it leads. */
const survey = Effect.fnUntraced(function* (layout: StorageLayout, states: ReadonlyArray<FileState>) {
  const service = yield* Storage;
  return yield* Effect.forEach(layout.files, (file, index) => {
    const state = states[index] ?? { exists: false, size: 0, modified: 0 };
    return file.link === undefined
      ? Effect.succeed(state)
      : Effect.map(service.inspect(file.path), (kind): FileState => ({ ...state, size: 0, exists: kind !== "none" }));
  });
});

/** Checks a payload. Damage is an answer, not a failure; it fails when the disk does, and for a hybrid whose hashes contradict each other. */
export const verify = ({
  info,
  path,
  onProgress,
  pieceLayers,
}: VerifyOptions): Effect.Effect<Verification, MetainfoError | StorageError, Storage | Hasher> =>
  Effect.gen(function* () {
    const service = yield* Storage;
    const root = yield* payloadRoot(info, path);
    const selected = info.files.flatMap((file, index) => (file.pad ? [] : [index]));
    // All files are chosen: nothing is ever aside.
    const layout = yield* layoutOf(info, root, { selected, record: Option.none(), asidePath: root });
    // A link has no bytes, and may lead to a folder, where a survey expects a file.
    const files = layout.files.map((file) => (file.link === undefined ? file : { ...file, kind: "pad" as const }));
    const storage = yield* service.open({ ...layout, files });
    const states = yield* survey(layout, yield* storage.survey);
    const { sha256 } = yield* Hasher;
    const hashes = makePieceHashes(info, sha256, pieceLayers);
    const good = yield* checkPieces({ info, hashes, storage, pieces: heldPieces({ info, states }), onProgress });
    return {
      root,
      files: info.files.flatMap((file, index) => {
        const state = states[index];
        return file.pad || state === undefined ? [] : [judge(info, good, index, file, state)];
      }),
      pieces: info.pieceCount,
      badPieces: info.pieceCount - Bitfield.count(good),
    };
  }).pipe(Effect.scoped);
