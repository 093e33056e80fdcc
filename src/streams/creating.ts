/**
 * Makes a torrent of files on disk (v1). The same files and options give the same info dictionary, whoever makes it where; with no date, the same
 * .torrent.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type * as FileSystem from "effect/FileSystem";
import * as Path from "effect/Path";
import * as Bitfield from "../schema/bitfield.ts";
import * as Bencode from "../schema/bencode.ts";
import type { BencodeError } from "../schema/errors/BencodeError.ts";
import { CreateError, type CreateReason } from "../schema/errors/CreateError.ts";
import type { MetainfoError } from "../schema/errors/MetainfoError.ts";
import type { StorageError } from "../schema/errors/StorageError.ts";
import type { Shape } from "../schema/geometry.ts";
import type { Metainfo } from "../schema/metainfo.ts";
import { MAX_PIECES } from "../schema/metainfo/fields.ts";
import { parseMetainfo } from "../schema/metainfo/parse.ts";
import { PIECE_HASH_LENGTH } from "../schema/pieceHashes.ts";
import { encodeInfo, encodeMetainfo, type Surroundings } from "../schema/metainfo/write.ts";
import { AGENT } from "../schema/version.ts";
import { Hasher } from "../services/Hasher.ts";
import { type FileState, type LayoutFile, Storage } from "../services/Storage/Storage.ts";
import { hashPieces } from "./hashing.ts";
import { readTree, type Tree, type TreeOptions } from "./tree.ts";

/** What is made, and of what. */
export interface CreateOptions extends TreeOptions, Omit<Surroundings, "creationDate" | "createdBy"> {
  /** Bytes, a power of two; absent: by the size, see `automaticPieceLength`. */
  readonly pieceLength?: number;
  readonly private: boolean;
  readonly source?: string;
  /** Whether the .torrent tells when it was made. */
  readonly dated: boolean;
  /** Told of the bytes hashed so far and of all that will be. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** A torrent that was made. */
export interface Created {
  /** The .torrent. */
  readonly bytes: Uint8Array;
  /** The same, as it is read. */
  readonly metainfo: Metainfo;
}

/** The smallest and the largest piece that is made, in bytes: others refuse what is outside. */
const MIN_PIECE_LENGTH = 16 * 1024;
const MAX_PIECE_LENGTH = 256 * 1024 * 1024;

/** The largest piece that is chosen by itself, in bytes. */
const MAX_AUTOMATIC = 16 * 1024 * 1024;

/** Bytes for which the smallest piece is chosen; four times as many get pieces twice as long. These are libtorrent's steps. */
const SMALLEST_UP_TO = 2 ** 28 / 100;

/** The piece length for so many bytes: both the length and the number of pieces grow with the square root of the size. */
export const automaticPieceLength = (totalLength: number): number => {
  let length = MIN_PIECE_LENGTH;
  for (let upTo = SMALLEST_UP_TO; totalLength > upTo && length < MAX_AUTOMATIC; upTo *= 4) length *= 2;
  return length;
};

const isPieceLength = (length: number): boolean =>
  length >= MIN_PIECE_LENGTH && length <= MAX_PIECE_LENGTH && Number.isInteger(Math.log2(length));

/** The files where they are, for reading; links have no bytes. */
const layoutOf = Effect.fnUntraced(function* (tree: Tree) {
  const path = yield* Path.Path;
  let offset = 0;
  const files = tree.files.map((file): LayoutFile => {
    const place = path.join(tree.root, ...file.path);
    const { executable, length } = file;
    const placed = { path: place, length, offset, executable };
    offset += length;
    return { ...placed, kind: file.symlink === undefined ? "write" : "pad" };
  });
  return { layout: { root: tree.root, files, asidePath: tree.root }, totalLength: offset };
});

/** Fails for the first file that is not what it was; links are not looked at again. */
const refuseChanged = (
  files: ReadonlyArray<LayoutFile>,
  before: ReadonlyArray<FileState>,
  after: ReadonlyArray<FileState>,
): Effect.Effect<void, CreateError> => {
  const changed = files.find(
    ({ kind, length }, index) =>
      kind === "write" &&
      (before[index]?.size !== length ||
        after[index]?.size !== length ||
        before[index].modified !== after[index].modified),
  );
  return changed === undefined
    ? Effect.void
    : Effect.fail(new CreateError({ path: changed.path, reason: { _tag: "Changed" } }));
};

/** Hashes the files and makes the torrent. */
export const create = (
  options: CreateOptions,
): Effect.Effect<
  Created,
  CreateError | StorageError | MetainfoError | BencodeError,
  Storage | Hasher | FileSystem.FileSystem | Path.Path
> =>
  Effect.gen(function* () {
    const fail = (reason: CreateReason) => Effect.fail(new CreateError({ path: options.path, reason }));
    const tree = yield* readTree(options);
    const { layout, totalLength } = yield* layoutOf(tree);
    if (totalLength === 0) return yield* fail({ _tag: "Empty" });
    const pieceLength = options.pieceLength ?? automaticPieceLength(totalLength);
    if (!isPieceLength(pieceLength)) return yield* fail({ _tag: "BadPieceLength", length: pieceLength });
    const shape: Shape = {
      version: "v1",
      files: layout.files,
      pieceLength,
      totalLength,
      pieceCount: Math.ceil(totalLength / pieceLength),
    };
    if (shape.pieceCount > MAX_PIECES) return yield* fail({ _tag: "TooLarge", limit: Bencode.MAX_LENGTH });

    const storage = yield* Storage.use((service) => service.open(layout));
    const before = yield* storage.survey;
    const pieces = new Uint8Array(shape.pieceCount * PIECE_HASH_LENGTH);
    yield* hashPieces({
      shape,
      storage,
      pieces: Bitfield.full(shape.pieceCount),
      onDigest: (index, { sha1 }) => sha1 && pieces.set(sha1, index * PIECE_HASH_LENGTH),
      onProgress: options.onProgress,
    });
    yield* refuseChanged(layout.files, before, yield* storage.survey);

    const seconds = Math.floor((yield* Clock.currentTimeMillis) / 1000);
    const bytes = encodeMetainfo(encodeInfo({ ...options, ...tree, pieceLength, pieces }), {
      ...options,
      createdBy: AGENT,
      ...(options.dated && { creationDate: seconds }),
    });
    if (bytes.length > Bencode.MAX_LENGTH) return yield* fail({ _tag: "TooLarge", limit: Bencode.MAX_LENGTH });
    return { bytes, metainfo: yield* Effect.fromResult(parseMetainfo(bytes, yield* Hasher)) };
  }).pipe(Effect.scoped);
