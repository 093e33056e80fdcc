/**
 * Which block is asked of whom: assigns the blocks of the open pieces, those that another peer is late with too, and takes back what a peer will not deliver.
 * Which piece is opened next is the picker's choice; when a request is given up, that of requests.ts.
 */
import { BLOCK_LENGTH, type BlockSpan } from "../../schema/block.ts";
import type { PieceTable } from "../../services/Picker/Picker.ts";
import { ASKED, blockLength, type Contributor, FREE, isIdle, type OpenPiece } from "./openPiece.ts";
import type { OpenPieces } from "./openPieces.ts";

/** Where assigned blocks go, and the bits of the pieces that they may be of; all when absent. */
interface Wish {
  readonly out: Array<BlockSpan>;
  readonly among?: Uint8Array | undefined;
}

/** Who is asked for which blocks. All methods are synchronous. */
export interface Asking {
  /**
   * Assigns up to `count` free blocks to `peer`, open pieces first (of one that has everything, those that are rarer go first), and appends them to `out`. `among`
   * restricts it to a set of pieces (allowed fast). Returns how many; fewer than asked for means that there is nothing more for this peer now.
   */
  readonly reserve: (peer: Contributor, count: number, wish: Wish) => number;
  /** Assigns up to `count` blocks that another peer is late with (end-game, or when the pool is empty). */
  readonly reserveLate: (peer: Contributor, count: number, out: Array<BlockSpan>) => number;
  /** The peer will not deliver this block: others may be asked. */
  readonly giveBack: (peer: Contributor, index: number, begin: number) => void;
  /** `winner` delivered the block: nobody else need. */
  readonly answered: (piece: OpenPiece, block: number, winner: Contributor) => void;
}

/** Nobody was asked for anything. */
export const makeAsking = (pieces: OpenPieces, table: PieceTable): Asking => {
  const push = (out: Array<BlockSpan>, piece: OpenPiece, block: number): void => {
    out.push({ index: piece.index, begin: block * BLOCK_LENGTH, length: blockLength(piece.length, block) });
  };

  const mayAsk = (piece: OpenPiece, peer: Contributor, among: Uint8Array | undefined): boolean =>
    table.hasPiece(peer.slot, piece.index) &&
    (piece.sole === undefined || piece.sole === peer || isIdle(piece)) &&
    (among === undefined || ((among[piece.index >>> 3] ?? 0) & (0x80 >>> (piece.index & 7))) !== 0);

  const reserveIn = (piece: OpenPiece, peer: Contributor, count: number, out: Array<BlockSpan>): number => {
    let taken = 0;
    let block = piece.cursor;
    for (; block < piece.blockCount && taken < count && piece.free > 0; block++) {
      if (piece.state[block] !== FREE) continue;
      if (!pieces.makeRoom(piece, block)) break;
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

  /** Assigns blocks of open pieces, then of new ones, as far as they are no less rare than `rarity`; of open pieces that nobody is asked for, whatever they are. */
  const reserveWithin = (rarity: number, peer: Contributor, count: number, { out, among }: Wish): number => {
    let taken = 0;
    for (const piece of pieces.all) {
      if (taken === count) return taken;
      if (piece.free === 0 || !mayAsk(piece, peer, among)) continue;
      if (table.availability(piece.index) <= rarity || isIdle(piece))
        taken += reserveIn(piece, peer, count - taken, out);
    }
    while (taken < count) {
      const index = table.choose(peer.slot, among);
      if (index < 0 || table.availability(index) > rarity) break;
      const piece = pieces.open(index);
      if (piece === undefined) break;
      const got = reserveIn(piece, peer, count - taken, out);
      if (got === 0) break;
      taken += got;
    }
    return taken;
  };

  /**
   * How rare the rarest pieces are that a peer can begin which has everything: it gives those first. What others have and give already is left to them: they may
   * have nothing else, and this peer may be the only one that has the rest.
   */
  const rarestOf = (peer: Contributor): number => {
    const index = table.choose(peer.slot);
    return index < 0 ? table.rarest() : table.availability(index);
  };

  return {
    reserve: (peer, count, wish) => {
      const byRarity = wish.among === undefined && table.order === "rarest" && table.isSeed(peer.slot);
      const taken = byRarity ? reserveWithin(rarestOf(peer), peer, count, wish) : 0;
      return taken + reserveWithin(Number.POSITIVE_INFINITY, peer, count - taken, wish);
    },
    reserveLate: (peer, count, out) => {
      let taken = 0;
      for (const piece of pieces.all) {
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
    giveBack: (peer, index, begin) => {
      const piece = pieces.get(index);
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
      if (piece.free + piece.padded === piece.blockCount) pieces.abandon(piece);
    },
    answered: (piece, block, winner) => {
      const first = piece.asked[block];
      const second = piece.askedToo[block];
      const begin = block * BLOCK_LENGTH;
      const length = blockLength(piece.length, block);
      piece.asked[block] = undefined;
      piece.askedToo[block] = undefined;
      if (first !== undefined && first !== winner) first.cancel(piece.index, begin, length);
      if (second !== undefined && second !== winner) second.cancel(piece.index, begin, length);
    },
  };
};
