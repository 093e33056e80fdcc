/**
 * The pieces that one peer suggests we fetch from it (BEP 6), because they cost it little to read or nobody else has them. A preference of ours for that
 * peer, no more: it says neither that the peer has them nor that we want them.
 */
import * as Bitfield from "../schema/bitfield.ts";
import type { PieceTable } from "../services/Picker/Picker.ts";

/** Suggestions kept of a peer, the latest: libtorrent's number of them. */
const MOST = 16;

/** What one peer suggested. */
export interface Suggested {
  readonly note: (index: number) => void;
  /** A suggestion that is outside of the torrent; it comes from before the metadata was known. */
  readonly outside: (pieceCount: number) => number | undefined;
  /** Bits of the pieces that are still to be fetched; absent when there are none. */
  readonly pieces: (table: PieceTable) => Uint8Array | undefined;
}

/** No suggestions yet. */
export const makeSuggested = (): Suggested => {
  let indices: ReadonlyArray<number> = [];
  let bits: Uint8Array | undefined;
  return {
    note: (index) => {
      indices = [...indices.filter((other) => other !== index), index].slice(-MOST);
      bits = undefined;
    },
    outside: (pieceCount) => indices.find((index) => index >= pieceCount),
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
