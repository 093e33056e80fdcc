/**
 * Where the payload of a block goes while it arrives. Several peers may deliver the same block: the first writes in place, the others beside it, and
 * a buffer that somebody still writes into is never handed on. Which blocks are wanted is the assembler's business.
 *
 * State: what each peer is in the middle of delivering, one block at a time.
 */
import { BLOCK_LENGTH } from "../../schema/block.ts";
import type { Buffers } from "../buffers.ts";
import { blockBytes, blockLength, type Contributor, type OpenPiece } from "./openPiece.ts";

/** A block that a peer is in the middle of, or has just delivered. */
export interface Delivery {
  readonly piece: OpenPiece;
  readonly block: number;
  /** Where it was written when its place was taken; absent when it is in place. */
  readonly beside: Uint8Array | undefined;
}

/** The deliveries under way. */
export interface Deliveries {
  /** Memory for a block that begins to arrive; its run must have a buffer. */
  readonly begin: (peer: Contributor, piece: OpenPiece, block: number) => Uint8Array | undefined;
  /** The peer is done with its block, or is gone; what it was, if it still counts. */
  readonly take: (peer: Contributor) => Delivery | undefined;
  /** Puts a complete block in its place; false when there is none any more. */
  readonly settle: (delivery: Delivery) => boolean;
  /** Gives the buffers of a piece back; one that a peer still writes into is left to it. */
  readonly release: (piece: OpenPiece, buffers: Buffers) => void;
}

const runOf = (piece: OpenPiece, block: number): number => Math.floor(block / piece.runBlocks);

/** Nobody delivers anything yet. */
export const makeDeliveries = (): Deliveries => {
  /** By the slot of the peer. */
  const underWay: Array<Delivery | undefined> = [];

  const isWritten = (piece: OpenPiece, run: number): boolean => {
    const first = run * piece.runBlocks;
    for (let block = first; block < first + piece.runBlocks; block++)
      if (piece.writing[block] !== undefined) return true;
    return false;
  };

  /** Leaves the run's buffer to those that write into it, whose blocks no longer count, and goes on in a copy. */
  const moveRun = (piece: OpenPiece, run: number): void => {
    const old = piece.buffers[run];
    if (old === undefined) return;
    piece.buffers[run] = Uint8Array.from(old);
    const first = run * piece.runBlocks;
    for (let block = first; block < first + piece.runBlocks; block++) {
      const writer = piece.writing[block];
      if (writer === undefined) continue;
      piece.writing[block] = undefined;
      underWay[writer.slot] = undefined;
    }
  };

  return {
    begin: (peer, piece, block) => {
      const isTaken = piece.writing[block] !== undefined;
      const target = isTaken ? new Uint8Array(blockLength(piece.length, block)) : blockBytes(piece, block);
      if (target === undefined) return undefined;
      if (!isTaken) piece.writing[block] = peer;
      underWay[peer.slot] = { piece, block, beside: isTaken ? target : undefined };
      return target;
    },
    take: (peer) => {
      const delivery = underWay[peer.slot];
      if (delivery === undefined) return undefined;
      underWay[peer.slot] = undefined;
      const { piece, block } = delivery;
      if (piece.writing[block] === peer) piece.writing[block] = undefined;
      return delivery;
    },
    settle: ({ piece, block, beside }) => {
      if (beside === undefined) return true;
      if (piece.writing[block] !== undefined) moveRun(piece, runOf(piece, block));
      const home = piece.buffers[runOf(piece, block)];
      home?.set(beside, (block % piece.runBlocks) * BLOCK_LENGTH);
      return home !== undefined;
    },
    release: (piece, buffers) => {
      for (let run = 0; run < piece.runCount; run++) {
        const buffer = piece.buffers[run];
        if (buffer === undefined) continue;
        piece.buffers[run] = undefined;
        if (isWritten(piece, run)) buffers.forget();
        else buffers.give(buffer);
      }
    },
  };
};
