/**
 * The pieces that one peer suggests we fetch from it (BEP 6), because they cost it little to read or nobody else has them. A preference of ours for that
 * peer, no more: it says neither that the peer has them nor that we want them.
 */
import * as Bitfield from "../schema/bitfield.ts";
import type { PeerReason } from "../schema/errors/PeerError.ts";
import type { PieceTable } from "../services/Picker/Picker.ts";

/** Suggestions kept of a peer, the latest: libtorrent's number of them. */
const MOST = 16;

/** What one peer suggested. A returned reason ends the conversation. */
export interface Suggested {
  readonly suggest: (index: number) => PeerReason | undefined;
  /** The metadata is there. */
  readonly attach: (pieceCount: number) => PeerReason | undefined;
  /** Bits of the pieces that are still to be fetched; absent when there are none. */
  readonly pieces: (table: PieceTable) => Uint8Array | undefined;
}

/** No suggestions yet. */
export const makeSuggested = (): Suggested => {
  let indices: ReadonlyArray<number> = [];
  let bits: Uint8Array | undefined;
  let count = Number.POSITIVE_INFINITY;
  const judge = (index: number): PeerReason | undefined =>
    index < count ? undefined : { _tag: "OutOfRange", message: "suggest", index };
  return {
    suggest: (index) => {
      indices = [...indices.filter((other) => other !== index), index].slice(-MOST);
      bits = undefined;
      return judge(index);
    },
    attach: (pieceCount) => {
      count = pieceCount;
      return indices.map(judge).find((reason) => reason !== undefined);
    },
    pieces: (table) => {
      if (indices.length === 0) return undefined;
      const left = indices.filter((index) => table.wanted(index) && !table.have(index));
      if (left.length === indices.length && bits !== undefined) return bits;
      indices = left;
      bits = left.length === 0 ? undefined : Bitfield.make(table.pieceCount);
      if (bits !== undefined) for (const index of left) Bitfield.set(bits, index);
      return bits;
    },
  };
};
