/**
 * Which pieces are under way, and which buffers they have: opens and closes them within what the pool gives, and gives one up that cannot go on. It does not
 * choose blocks (asking.ts) and takes in none (assembler.ts).
 */
import type { PieceDigesting } from "../../services/pieceDigest.ts";
import type { PieceTable } from "../../services/Picker/Picker.ts";
import type { Buffers } from "../buffers.ts";
import type { Deliveries } from "./deliveries.ts";
import { fillPads, freeAgain, makeOpenPiece, type OpenPiece } from "./openPiece.ts";
import { findOrphan } from "./orphans.ts";

/** What pieces are opened with. */
export interface OpenPiecesOptions {
  readonly table: PieceTable;
  readonly buffers: Buffers;
  /** Bytes of piece `index`. */
  readonly pieceLength: (index: number) => number;
  /** Begins the digest of piece `index`. */
  readonly beginDigest: (index: number) => PieceDigesting;
  readonly runLength: number;
  /** Whether the piece failed before and should come from one peer alone. */
  readonly suspect: (index: number) => boolean;
  /** Whether a block of piece `index` is nothing but padding; absent when there is none. */
  readonly isPad?: ((index: number, block: number) => boolean) | undefined;
}

/** The pieces under way, the one opened first first. */
export interface OpenPieces {
  readonly get: (index: number) => OpenPiece | undefined;
  readonly all: Iterable<OpenPiece>;
  /** Opens a piece with a buffer for its first run; none when there is no buffer, for which a piece that nobody connected has is given up. */
  readonly open: (index: number) => OpenPiece | undefined;
  /** Sees to it that the run of a block has a buffer; false when there is none. */
  readonly makeRoom: (piece: OpenPiece, block: number) => boolean;
  /** A run is on disk: its buffer is free again. */
  readonly runWritten: (piece: OpenPiece, run: number) => void;
  /** The piece is there: it is done with. */
  readonly done: (piece: OpenPiece) => void;
  /** The piece is given up: it may be opened again later. */
  readonly abandon: (piece: OpenPiece) => void;
  /** Goes on with a full piece of one run of which only these blocks, in order, are wrong; with none of it where all are. */
  readonly retry: (piece: OpenPiece, wrong: ReadonlyArray<number>) => void;
  /** Whether a buffer was missing since the last time that this was asked. */
  readonly takeStarved: () => boolean;
}

/** No piece is under way. */
export const makeOpenPieces = (options: OpenPiecesOptions, deliveries: Deliveries): OpenPieces => {
  const { table, buffers, isPad } = options;
  const pieces = new Map<number, OpenPiece>();
  let starved = false;

  const close = (piece: OpenPiece): void => {
    pieces.delete(piece.index);
    deliveries.release(piece, buffers);
  };

  const abandon = (piece: OpenPiece): void => {
    close(piece);
    table.reopen(piece.index);
  };

  /** Gives up a piece that nobody connected has, so that one that somebody has can be opened. */
  const dropOrphan = (): boolean => {
    const orphan = findOrphan(pieces.values(), table);
    if (orphan === undefined) return false;
    abandon(orphan);
    return true;
  };

  const furnish = (piece: OpenPiece, run: number, buffer: Uint8Array): void => {
    piece.buffers[run] = buffer;
    if (isPad !== undefined) fillPads(piece, run);
  };

  return {
    get: (index) => pieces.get(index),
    all: { [Symbol.iterator]: () => pieces.values() },
    open: (index) => {
      const buffer = buffers.take() ?? (dropOrphan() ? buffers.take() : undefined);
      if (buffer === undefined) {
        starved = true;
        return undefined;
      }
      const piece = makeOpenPiece({
        index,
        length: options.pieceLength(index),
        runLength: options.runLength,
        digest: options.beginDigest(index),
        parole: options.suspect(index),
        isPad: (block) => isPad?.(index, block) ?? false,
      });
      furnish(piece, 0, buffer);
      pieces.set(index, piece);
      table.open(index);
      return piece;
    },
    makeRoom: (piece, block) => {
      const run = Math.floor(block / piece.runBlocks);
      if (piece.buffers[run] !== undefined) return true;
      const buffer = buffers.take();
      if (buffer === undefined) {
        starved = true;
        return false;
      }
      furnish(piece, run, buffer);
      return true;
    },
    runWritten: (piece, run) => {
      const buffer = piece.buffers[run];
      piece.runsWritten++;
      if (buffer === undefined) return;
      piece.buffers[run] = undefined;
      buffers.give(buffer);
    },
    done: (piece) => {
      close(piece);
      table.got(piece.index);
    },
    abandon,
    retry: (piece, wrong) => {
      if (wrong.length === 0 || wrong.length === piece.blockCount) return abandon(piece);
      freeAgain(piece, wrong, options.beginDigest(piece.index));
      piece.parole = options.suspect(piece.index);
      piece.sole = undefined;
    },
    takeStarved: () => {
      const was = starved;
      starved = false;
      return was;
    },
  };
};
