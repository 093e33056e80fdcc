/**
 * Makes a torrent of files on disk: v1, v2 or hybrid. The same files and options give the same info dictionary, whoever makes it where; with no date, the same
 * .torrent.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type * as FileSystem from "effect/FileSystem";
import * as Path from "effect/Path";
import * as Hex from "effect/encoding/Hex";
import * as Bitfield from "../schema/bitfield.ts";
import * as Bencode from "../schema/bencode.ts";
import type { BencodeError } from "../schema/errors/BencodeError.ts";
import { CreateError, type CreateReason } from "../schema/errors/CreateError.ts";
import type { MetainfoError } from "../schema/errors/MetainfoError.ts";
import type { StorageError } from "../schema/errors/StorageError.ts";
import { piecesOf, type Shape } from "../schema/geometry.ts";
import { layerRoot, NODE_LENGTH } from "../schema/merkle.ts";
import type { Metainfo, TorrentInfo } from "../schema/metainfo.ts";
import { MAX_PIECES } from "../schema/metainfo/fields.ts";
import { parseMetainfo } from "../schema/metainfo/parse.ts";
import { PIECE_HASH_LENGTH, pieceLevel, type PieceDigest } from "../schema/pieceHashes.ts";
import { encodeMetainfo, type Surroundings } from "../schema/metainfo/write.ts";
import { encodeInfo, hasPads, type NewFile } from "../schema/metainfo/writeInfo.ts";
import { AGENT } from "../schema/version.ts";
import { Hasher } from "../services/Hasher.ts";
import { type FileState, type LayoutFile, Storage, type StorageLayout } from "../services/Storage/Storage.ts";
import { hashPieces } from "./hashing.ts";
import { readTree, type Tree, type TreeOptions } from "./tree.ts";

/** What is made, and of what. */
export interface CreateOptions extends TreeOptions, Omit<Surroundings, "creationDate" | "createdBy" | "pieceLayers"> {
  /** Absent: v1, which every client knows. */
  readonly version?: TorrentInfo["version"];
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

/** Where the next piece begins, or here. */
const aligned = (offset: number, pieceLength: number): number => Math.ceil(offset / pieceLength) * pieceLength;

/** The files where they are, for reading, each with a piece of its own but in v1; links have no bytes. */
const layoutOf = Effect.fnUntraced(function* (tree: Tree, version: TorrentInfo["version"], pieceLength: number) {
  const path = yield* Path.Path;
  let end = 0;
  const files = tree.files.map((file): LayoutFile => {
    const { executable, length } = file;
    const offset = version === "v1" || length === 0 ? end : aligned(end, pieceLength);
    end = offset + length;
    const kind = file.symlink === undefined ? "write" : "pad";
    return { path: path.join(tree.root, ...file.path), length, offset, executable, kind };
  });
  const layout: StorageLayout = { root: tree.root, files, asidePath: tree.root };
  const totalLength = hasPads({ files, version }) ? aligned(end, pieceLength) : end;
  const shape: Shape = { version, files, pieceLength, totalLength, pieceCount: Math.ceil(end / pieceLength) };
  return { layout, shape };
});

/** Takes in the digests of all pieces, and gives what a torrent says of them. */
const makeLedger = (shape: Shape, sha256: Hasher["Service"]["sha256"]) => {
  const pieces = new Uint8Array(shape.version === "v2" ? 0 : shape.pieceCount * PIECE_HASH_LENGTH);
  const nodes = new Uint8Array(shape.version === "v1" ? 0 : shape.pieceCount * NODE_LENGTH);
  const level = pieceLevel(shape.pieceLength);
  return {
    pieces,
    enter: (index: number, { node, sha1 }: PieceDigest): void => {
      if (sha1 !== undefined) pieces.set(sha1, index * PIECE_HASH_LENGTH);
      if (node !== undefined) nodes.set(node, index * NODE_LENGTH);
    },
    /** The files with their roots, and the layers of those that are longer than a piece. */
    trees: (files: ReadonlyArray<NewFile>) => {
      const pieceLayers = new Map<string, Uint8Array>();
      const rooted = files.map((file, number): NewFile => {
        const range = shape.files[number] && piecesOf(shape, shape.files[number]);
        if (range === undefined) return file;
        const layer = nodes.subarray(range.first * NODE_LENGTH, (range.last + 1) * NODE_LENGTH);
        if (range.first === range.last) return { ...file, piecesRoot: layer };
        const piecesRoot = layerRoot(layer, level, sha256);
        pieceLayers.set(Hex.encode(piecesRoot), layer);
        return { ...file, piecesRoot };
      });
      return { files: rooted, pieceLayers };
    },
  };
};

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
    const { version = "v1" } = options;
    const tree = yield* readTree(options);
    const size = tree.files.reduce((sum, { length }) => sum + length, 0);
    if (size === 0) return yield* fail({ _tag: "Empty" });
    const pieceLength = options.pieceLength ?? automaticPieceLength(size);
    if (!isPieceLength(pieceLength)) return yield* fail({ _tag: "BadPieceLength", length: pieceLength });
    const { layout, shape } = yield* layoutOf(tree, version, pieceLength);
    if (shape.pieceCount > MAX_PIECES) return yield* fail({ _tag: "TooLarge", limit: Bencode.MAX_LENGTH });

    const hasher = yield* Hasher;
    const storage = yield* Storage.use((service) => service.open(layout));
    const before = yield* storage.survey;
    const ledger = makeLedger(shape, hasher.sha256);
    yield* hashPieces({
      shape,
      storage,
      pieces: Bitfield.full(shape.pieceCount),
      onDigest: ledger.enter,
      onProgress: options.onProgress,
    });
    yield* refuseChanged(layout.files, before, yield* storage.survey);

    const seconds = Math.floor((yield* Clock.currentTimeMillis) / 1000);
    const { files, pieceLayers } = version === "v1" ? { ...tree, pieceLayers: undefined } : ledger.trees(tree.files);
    const info = encodeInfo({ ...options, ...tree, version, files, pieceLength, pieces: ledger.pieces });
    const bytes = encodeMetainfo(info, {
      ...options,
      createdBy: AGENT,
      ...(options.dated && { creationDate: seconds }),
      ...(pieceLayers && { pieceLayers }),
    });
    if (bytes.length > Bencode.MAX_LENGTH) return yield* fail({ _tag: "TooLarge", limit: Bencode.MAX_LENGTH });
    const metainfo = yield* Effect.fromResult(parseMetainfo(bytes, hasher));
    if (metainfo.info.layout !== tree.layout) return yield* fail({ _tag: "Ambiguous" });
    return { bytes, metainfo };
  }).pipe(Effect.scoped);
