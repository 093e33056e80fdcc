/**
 * Pieces out of blocks: the one owner of open pieces (openPieces.ts), of who is asked for which block (asking.ts) and of what arrives. Read callbacks of many
 * peers call `begin` and `end` synchronously; a late or duplicate block of a piece that is no longer open is refused. It does not choose pieces (the picker
 * does), verify or write (streams/pieces.ts).
 *
 * Life cycle of a piece: opened by `reserve`; filled by `end`; handed on as a `Filled` run; closed by `written` or `failed`, which leaves it open where it
 * is told which blocks are wrong.
 */
import { BLOCK_LENGTH } from "../../schema/block.ts";
import { type Asking, makeAsking } from "./asking.ts";
import { type Backlog, makeBacklog } from "./backlog.ts";
import { makeDeliveries } from "./deliveries.ts";
import { blockLength, type Contributor, digestBlock, FREE, type OpenPiece, refill, THERE } from "./openPiece.ts";
import { makeOpenPieces, type OpenPieces, type OpenPiecesOptions } from "./openPieces.ts";

/** A run of a piece that is full and waits to be verified (a whole piece) or written (one run of several). */
export interface Filled {
  readonly piece: OpenPiece;
  readonly run: number;
}

/** Assembles pieces from blocks. All methods are synchronous. */
export interface Assembler extends Omit<Asking, "answered">, Pick<OpenPieces, "runWritten" | "takeStarved"> {
  /** Where the payload of a block goes; nothing when it isn't of use. */
  readonly begin: (peer: Contributor, index: number, begin: number, length: number) => Uint8Array | undefined;
  /** The block is complete; whether it was of use. A run that it filled is appended to `filled`. */
  readonly end: (peer: Contributor, block: { index: number; begin: number }, filled: Array<Filled>) => boolean;
  /** The peer is gone; what it was in the middle of counts as not written. Its blocks must have been given back. */
  readonly leave: (peer: Contributor) => void;
  /** The piece is verified and on disk. */
  readonly written: (piece: OpenPiece) => void;
  /** The piece failed its check, or was not written: it will be fetched again; if `wrong` tells which blocks (in order) of a piece of one run are, only those. */
  readonly failed: (piece: OpenPiece, wrong?: ReadonlyArray<number>) => void;
  /** Opens a piece of whose `bytes` some blocks are from disk. None when there is no room, or the piece is longer than a run. */
  readonly restore: (index: number, there: (block: number) => boolean, bytes: Uint8Array) => OpenPiece | undefined;
  /** The pieces under way, for an orderly stop. */
  readonly open: Iterable<OpenPiece>;
  readonly backlog: Backlog;
  readonly buffersUsed: () => number;
  readonly buffersCapacity: number;
}

/** An assembler with nothing open. */
export const makeAssembler = (options: OpenPiecesOptions): Assembler => {
  const { buffers } = options;
  const deliveries = makeDeliveries();
  const backlog = makeBacklog();
  const pieces = makeOpenPieces(options, deliveries);
  const { reserve, reserveLate, giveBack, answered } = makeAsking(pieces, options.table);
  /** Only what is all there is judged; of a piece of several runs each was done with when it was written. */
  const judged = (piece: OpenPiece): void => {
    if (piece.runCount === 1) backlog.done();
  };
  return {
    reserve,
    reserveLate,
    giveBack,
    begin: (peer, index, begin, length) => {
      const piece = pieces.get(index);
      const block = begin / BLOCK_LENGTH;
      if (piece === undefined || !Number.isInteger(block) || block >= piece.blockCount) return undefined;
      if (length !== blockLength(piece.length, block) || piece.state[block] === THERE) return undefined;
      if (!pieces.makeRoom(piece, block)) return undefined;
      return deliveries.begin(peer, piece, block);
    },
    end: (peer, { index, begin }, filled) => {
      const delivery = deliveries.take(peer);
      if (delivery === undefined) return false;
      const { piece, block } = delivery;
      if (pieces.get(index) !== piece || block * BLOCK_LENGTH !== begin || piece.state[block] === THERE) return false;
      if (!deliveries.settle(delivery)) return false;
      if (piece.state[block] === FREE) piece.free--;
      piece.state[block] = THERE;
      piece.from[block] = peer;
      piece.there++;
      answered(piece, block, peer);
      const run = Math.floor(block / piece.runBlocks);
      const left = (piece.runLeft[run] ?? 0) - 1;
      piece.runLeft[run] = left;
      digestBlock(piece, block);
      if (left > 0) return true;
      filled.push({ piece, run });
      backlog.filled();
      return true;
    },
    leave: (peer) => void deliveries.take(peer),
    runWritten: (piece, run) => {
      pieces.runWritten(piece, run);
      backlog.done();
    },
    written: (piece) => {
      pieces.done(piece);
      judged(piece);
    },
    failed: (piece, wrong) => {
      if (wrong === undefined) pieces.abandon(piece);
      else pieces.retry(piece, wrong);
      judged(piece);
    },
    restore: (index, there, bytes) => {
      const piece = pieces.open(index);
      if (piece === undefined) return undefined;
      if (piece.runCount > 1) {
        pieces.abandon(piece);
        return undefined;
      }
      refill(piece, there, bytes);
      return piece;
    },
    open: pieces.all,
    backlog,
    takeStarved: pieces.takeStarved,
    buffersUsed: buffers.used,
    buffersCapacity: buffers.capacity,
  };
};
