/**
 * Which block to ask of whom: the one owner of open pieces, their buffers and digests. Read callbacks of many peers call `begin` and `end` synchronously; a
 * late or duplicate block of a piece that is no longer open is refused. It does not choose pieces (the picker does), verify or write (streams/pieces.ts).
 *
 * Life cycle of a piece: opened by `reserve`; filled by `end`; handed on as a `Filled` run; closed by `written` or `failed`.
 */
import type { PieceDigesting } from "../../services/pieceDigest.ts";
import type { PieceTable } from "../../services/Picker/Picker.ts";
import { BLOCK_LENGTH, type BlockSpan } from "../../schema/wire.ts";
import type { Buffers } from "../buffers.ts";
import { makeDeliveries } from "./deliveries.ts";
import {
  ASKED,
  blockLength,
  type Contributor,
  digestBlock,
  fillPads,
  FREE,
  isIdle,
  makeOpenPiece,
  type OpenPiece,
  refill,
  THERE,
} from "./openPiece.ts";
import { findOrphan } from "./orphans.ts";

/** A run of a piece that is full and waits to be verified (a whole piece) or written (one run of several). */
export interface Filled {
  readonly piece: OpenPiece;
  readonly run: number;
}

/** Assembles pieces from blocks. All methods are synchronous. */
export interface Assembler {
  /**
   * Assigns up to `count` free blocks to `peer`, open pieces first, and appends them to `out`. `among` restricts it to a set of pieces
   * (allowed fast). Returns how many; fewer than asked for means that there is nothing more for this peer now.
   */
  readonly reserve: (
    peer: Contributor,
    count: number,
    options: { out: Array<BlockSpan>; among?: Uint8Array | undefined },
  ) => number;
  /** Assigns up to `count` blocks that another peer is late with (end-game, or when the pool is empty). */
  readonly reserveLate: (peer: Contributor, count: number, out: Array<BlockSpan>) => number;
  /** Where the payload of a block goes; nothing when it isn't of use. */
  readonly begin: (peer: Contributor, index: number, begin: number, length: number) => Uint8Array | undefined;
  /** The block is complete; whether it was of use. A run that it filled is appended to `filled`. */
  readonly end: (peer: Contributor, block: { index: number; begin: number }, filled: Array<Filled>) => boolean;
  /** The peer will not deliver this block: others may be asked. */
  readonly giveBack: (peer: Contributor, index: number, begin: number) => void;
  /** The peer is gone; what it was in the middle of counts as not written. Its blocks must have been given back. */
  readonly leave: (peer: Contributor) => void;
  /** A piece of several runs: this run is on disk, its buffer is free again. */
  readonly runWritten: (piece: OpenPiece, run: number) => void;
  /** The piece is verified and on disk. */
  readonly written: (piece: OpenPiece) => void;
  /** The piece failed its check, or was not written: it will be fetched again. */
  readonly failed: (piece: OpenPiece) => void;
  /** Opens a piece of which some blocks are on disk already; `load` has filled the buffer. None when there is no room. */
  readonly restore: (index: number, there: (block: number) => boolean, bytes: Uint8Array) => OpenPiece | undefined;
  /** The pieces under way, for an orderly stop. */
  readonly open: Iterable<OpenPiece>;
  /** Whether a peer went without because all buffers are in use; asking resets it. */
  readonly takeStarved: () => boolean;
  readonly buffersUsed: () => number;
  readonly buffersCapacity: number;
}

/** What an assembler is made of. */
export interface AssemblerOptions {
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

/** An assembler with nothing open. */
export const makeAssembler = (options: AssemblerOptions): Assembler => {
  const { table, buffers, isPad } = options;
  const open = new Map<number, OpenPiece>();
  const deliveries = makeDeliveries();
  let starved = false;

  const openPiece = (index: number): OpenPiece | undefined => {
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
    piece.buffers[0] = buffer;
    if (isPad !== undefined) fillPads(piece, 0);
    open.set(index, piece);
    table.open(index);
    return piece;
  };

  const close = (piece: OpenPiece): void => {
    open.delete(piece.index);
    deliveries.release(piece, buffers);
  };

  /** Gives up a piece that nobody connected has, so that one that somebody has can be opened. */
  const dropOrphan = (): boolean => {
    const orphan = findOrphan(open.values(), table);
    if (orphan === undefined) return false;
    close(orphan);
    table.reopen(orphan.index);
    return true;
  };

  const bufferFor = (piece: OpenPiece, block: number): boolean => {
    const run = Math.floor(block / piece.runBlocks);
    if (piece.buffers[run] !== undefined) return true;
    const buffer = buffers.take();
    if (buffer === undefined) {
      starved = true;
      return false;
    }
    piece.buffers[run] = buffer;
    if (isPad !== undefined) fillPads(piece, run);
    return true;
  };

  const reserveIn = (piece: OpenPiece, peer: Contributor, count: number, out: Array<BlockSpan>): number => {
    let taken = 0;
    let block = piece.cursor;
    for (; block < piece.blockCount && taken < count && piece.free > 0; block++) {
      if (piece.state[block] !== FREE) continue;
      if (!bufferFor(piece, block)) break;
      // The buffer may have come with its padding filled in.
      if (piece.state[block] !== FREE) continue;
      piece.state[block] = ASKED;
      piece.asked[block] = peer;
      piece.free--;
      push(out, piece, block);
      taken++;
    }
    piece.cursor = block;
    if (piece.parole && taken > 0) piece.sole = peer;
    return taken;
  };

  const push = (out: Array<BlockSpan>, piece: OpenPiece, block: number): void => {
    out.push({ index: piece.index, begin: block * BLOCK_LENGTH, length: blockLength(piece.length, block) });
  };

  const mayAsk = (piece: OpenPiece, peer: Contributor, among: Uint8Array | undefined): boolean =>
    table.hasPiece(peer.slot, piece.index) &&
    (piece.sole === undefined || piece.sole === peer || isIdle(piece)) &&
    (among === undefined || ((among[piece.index >>> 3] ?? 0) & (0x80 >>> (piece.index & 7))) !== 0);

  const giveBack = (peer: Contributor, index: number, begin: number): void => {
    const piece = open.get(index);
    if (piece === undefined) return;
    const block = begin / BLOCK_LENGTH;
    if (piece.askedToo[block] === peer) piece.askedToo[block] = undefined;
    else if (piece.asked[block] === peer) {
      piece.asked[block] = piece.askedToo[block];
      piece.askedToo[block] = undefined;
    } else return;
    if (piece.asked[block] !== undefined || piece.state[block] !== ASKED) return;
    piece.state[block] = FREE;
    piece.free++;
    piece.cursor = Math.min(piece.cursor, block);
    if (piece.free + piece.padded === piece.blockCount) {
      close(piece);
      table.reopen(index);
    }
  };

  /** `winner` delivered the block: nobody else need. */
  const cancelOthers = (piece: OpenPiece, block: number, winner: Contributor): void => {
    const first = piece.asked[block];
    const second = piece.askedToo[block];
    const begin = block * BLOCK_LENGTH;
    const length = blockLength(piece.length, block);
    piece.asked[block] = undefined;
    piece.askedToo[block] = undefined;
    if (first !== undefined && first !== winner) first.cancel(piece.index, begin, length);
    if (second !== undefined && second !== winner) second.cancel(piece.index, begin, length);
  };

  return {
    reserve: (peer, count, { out, among }) => {
      let taken = 0;
      for (const piece of open.values()) {
        if (taken === count) return taken;
        if (piece.free > 0 && mayAsk(piece, peer, among)) taken += reserveIn(piece, peer, count - taken, out);
      }
      while (taken < count) {
        const index = table.choose(peer.slot, among);
        if (index < 0) break;
        const piece = openPiece(index);
        if (piece === undefined) break;
        const got = reserveIn(piece, peer, count - taken, out);
        if (got === 0) break;
        taken += got;
      }
      return taken;
    },
    reserveLate: (peer, count, out) => {
      let taken = 0;
      for (const piece of open.values()) {
        if (!mayAsk(piece, peer, undefined)) continue;
        for (let block = 0; block < piece.blockCount && taken < count; block++) {
          const owner = piece.asked[block];
          if (piece.state[block] !== ASKED || owner === undefined || owner === peer) continue;
          if (piece.askedToo[block] !== undefined || !owner.isLate(piece.index, block * BLOCK_LENGTH)) continue;
          piece.askedToo[block] = peer;
          push(out, piece, block);
          taken++;
        }
      }
      return taken;
    },
    begin: (peer, index, begin, length) => {
      const piece = open.get(index);
      const block = begin / BLOCK_LENGTH;
      if (piece === undefined || !Number.isInteger(block) || block >= piece.blockCount) return undefined;
      if (length !== blockLength(piece.length, block) || piece.state[block] === THERE) return undefined;
      if (!bufferFor(piece, block)) return undefined;
      return deliveries.begin(peer, piece, block);
    },
    end: (peer, { index, begin }, filled) => {
      const delivery = deliveries.take(peer);
      if (delivery === undefined) return false;
      const { piece, block } = delivery;
      if (open.get(index) !== piece || block * BLOCK_LENGTH !== begin || piece.state[block] === THERE) return false;
      if (!deliveries.settle(delivery)) return false;
      if (piece.state[block] === FREE) piece.free--;
      piece.state[block] = THERE;
      piece.from[block] = peer;
      piece.there++;
      cancelOthers(piece, block, peer);
      const run = Math.floor(block / piece.runBlocks);
      const left = (piece.runLeft[run] ?? 0) - 1;
      piece.runLeft[run] = left;
      digestBlock(piece, block);
      if (left === 0) filled.push({ piece, run });
      return true;
    },
    giveBack,
    leave: (peer) => void deliveries.take(peer),
    runWritten: (piece, run) => {
      const buffer = piece.buffers[run];
      piece.runsWritten++;
      if (buffer === undefined) return;
      piece.buffers[run] = undefined;
      buffers.give(buffer);
    },
    written: (piece) => {
      close(piece);
      table.got(piece.index);
    },
    failed: (piece) => {
      close(piece);
      table.reopen(piece.index);
    },
    restore: (index, there, bytes) => {
      const piece = openPiece(index);
      if (piece === undefined) return undefined;
      if (piece.runCount > 1) {
        close(piece);
        table.reopen(index);
        return undefined;
      }
      refill(piece, there, bytes);
      return piece;
    },
    open: { [Symbol.iterator]: () => open.values() },
    takeStarved: () => {
      const was = starved;
      starved = false;
      return was;
    },
    buffersUsed: buffers.used,
    buffersCapacity: buffers.capacity,
  };
};
