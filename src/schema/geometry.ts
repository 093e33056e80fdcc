/**
 * Where pieces, blocks and files lie in the bytes of a torrent, whatever its version. Plain arithmetic: offsets and lengths are bytes, indices count
 * from 0.
 *
 * Piece `i` begins at `i` times the piece length in every version. In v1 the bytes are the concatenation of the files (BEP 3). In v2 and hybrids every
 * file that is not empty begins with a piece, and a piece ends with its file (BEP 52): what lies between is a gap, which a hybrid's v1 half calls
 * pads. Nothing of a gap is ever asked for or kept; it reads as zeros, and peers may ask for it.
 */
import type { TorrentFile, TorrentInfo } from "./metainfo.ts";
import * as Bitfield from "./bitfield.ts";
import { BLOCK_LENGTH } from "./block.ts";

/** What is needed of a torrent to place its pieces. */
export interface Shape extends Pick<TorrentInfo, "version" | "pieceLength" | "pieceCount" | "totalLength"> {
  /** In torrent order. */
  readonly files: ReadonlyArray<Extent>;
}

/** What is needed of a file to place its bytes. */
export type Extent = Pick<TorrentFile, "offset" | "length">;

/** Where piece `index` begins in the torrent. */
export const pieceOffset = (shape: Shape, index: number): number => index * shape.pieceLength;

/** Index of the first file that ends after `offset`; `files.length` when there is none. Files are in torrent order. */
const firstEndingAfter = (files: ReadonlyArray<Extent>, offset: number): number => {
  let low = 0;
  let high = files.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const file = files[middle];
    if (file !== undefined && file.offset + file.length <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
};

/** Index of the file that piece `index` begins in; in v2 and hybrids it holds bytes of no other. */
export const fileOf = (shape: Shape, index: number): number => firstEndingAfter(shape.files, pieceOffset(shape, index));

/** Bytes of piece `index`; 0 outside the torrent. In v1 the last piece may be shorter than the others, in v2 and hybrids the last of each file. */
export const pieceLength = (shape: Shape, index: number): number => {
  if (index < 0 || index >= shape.pieceCount) return 0;
  const offset = pieceOffset(shape, index);
  if (shape.version === "v1") return Math.min(shape.pieceLength, shape.totalLength - offset);
  const file = shape.files[fileOf(shape, index)];
  return file === undefined ? 0 : Math.min(shape.pieceLength, file.offset + file.length - offset);
};

/**
 * Bytes of piece `index` with the zeros that follow them: what a hybrid's SHA-1 is taken over, and what a peer may ask for. libtorrent asks for whole
 * blocks at the end of a file, in v2 torrents too.
 */
export const paddedLength = (shape: Shape, index: number): number => {
  if (index < 0 || index >= shape.pieceCount) return 0;
  return shape.version === "v2"
    ? shape.pieceLength
    : Math.min(shape.pieceLength, shape.totalLength - pieceOffset(shape, index));
};

/** Blocks of piece `index`; the last may be shorter than the others. */
export const blockCount = (shape: Shape, index: number): number => Math.ceil(pieceLength(shape, index) / BLOCK_LENGTH);

/** Bytes of the block of piece `index` that begins at `begin` within it; 0 outside the piece. */
export const blockLength = (shape: Shape, index: number, begin: number): number =>
  Math.max(0, Math.min(BLOCK_LENGTH, pieceLength(shape, index) - begin));

/** Pieces `first` to `last`, inclusive. */
export interface PieceRange {
  readonly first: number;
  readonly last: number;
}

/** The pieces that hold bytes of `file`; none when it is empty. */
export const piecesOf = (shape: Shape, file: Extent): PieceRange | undefined =>
  file.length === 0
    ? undefined
    : {
        first: Math.floor(file.offset / shape.pieceLength),
        last: Math.floor((file.offset + file.length - 1) / shape.pieceLength),
      };

/** Bytes of all files but pads: what people call the size of a torrent. */
export const payloadLength = ({ files }: Pick<TorrentInfo, "files">): number =>
  files.reduce((sum, file) => (file.pad ? sum : sum + file.length), 0);

/** A run of bytes within one file. */
export interface FileSpan {
  /** Index of the file in torrent order. */
  readonly file: number;
  /** Where the run begins in the file. */
  readonly offset: number;
  readonly length: number;
}

/** The runs that `length` bytes from `offset` of the torrent fall into, in order, empty files and gaps left out. Takes time by the files touched. */
export const fileSpans = (files: ReadonlyArray<Extent>, offset: number, length: number): ReadonlyArray<FileSpan> => {
  const spans: Array<FileSpan> = [];
  const end = offset + length;
  for (let index = firstEndingAfter(files, offset); index < files.length; index++) {
    const file = files[index];
    if (file === undefined || file.offset >= end) break;
    const from = Math.max(offset, file.offset);
    const to = Math.min(end, file.offset + file.length);
    if (to > from) spans.push({ file: index, offset: from - file.offset, length: to - from });
  }
  return spans;
};

/** Bits of the pieces that hold bytes of the files whose indices are `chosen` (all when undefined); pads are never wanted for their own sake. */
export const wantedPieces = (info: Shape & Pick<TorrentInfo, "files">, chosen?: Iterable<number>): Uint8Array => {
  const bits = Bitfield.make(info.pieceCount);
  for (const index of chosen ?? info.files.keys()) {
    const file = info.files[index];
    const range = file === undefined || file.pad ? undefined : piecesOf(info, file);
    if (range === undefined) continue;
    for (let piece = range.first; piece <= range.last; piece++) Bitfield.set(bits, piece);
  }
  return bits;
};
