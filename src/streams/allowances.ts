/**
 * The pieces that one peer lets us have while it chokes us (BEP 6, "allowed fast"). What it says before the metadata is known is kept, as far as an honest
 * peer says any. Whether it has the pieces is not said by it.
 */
import * as Bitfield from "../schema/bitfield.ts";
import type { PeerReason } from "../schema/errors/PeerError.ts";

/** Indices kept while the number of pieces is unknown: more than any client allows. */
const MAX_EARLY = 64;

/** What one peer allowed. A returned reason ends the conversation. */
export interface Allowances {
  readonly allow: (index: number) => PeerReason | undefined;
  /** The metadata is there. */
  readonly attach: (pieceCount: number) => PeerReason | undefined;
  /** Bits of the pieces; absent when there are none. */
  readonly pieces: () => Uint8Array | undefined;
}

/** Nothing is allowed yet. */
export const makeAllowances = (): Allowances => {
  let early: Array<number> = [];
  let count: number | undefined;
  let bits: Uint8Array | undefined;
  const allow = (index: number): PeerReason | undefined => {
    if (count === undefined) {
      if (early.length < MAX_EARLY) early.push(index);
      return undefined;
    }
    if (index >= count) return { _tag: "OutOfRange", message: "allowed fast", index };
    bits ??= Bitfield.make(count);
    Bitfield.set(bits, index);
    return undefined;
  };
  return {
    allow,
    attach: (pieceCount) => {
      count = pieceCount;
      const said = early;
      early = [];
      return said.map(allow).find((reason) => reason !== undefined);
    },
    pieces: () => bits,
  };
};
