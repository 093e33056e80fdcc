/**
 * What one peer says it has: kept as it comes while the metadata is unknown, checked and entered into the piece table when it is there (BEP 3, 6).
 * It does not decide what follows from it.
 */
import * as Bitfield from "../schema/bitfield.ts";
import type { PeerReason } from "../schema/errors/PeerError.ts";
import { MAX_PIECES } from "../schema/metainfo/fields.ts";
import type { PeerSlot, PieceTable } from "../services/Picker/Picker.ts";

/** The pieces of one peer. A returned reason ends the conversation. */
export interface Holdings {
  readonly all: () => PeerReason | undefined;
  readonly none: () => PeerReason | undefined;
  readonly bitfield: (bits: Uint8Array) => PeerReason | undefined;
  readonly have: (index: number) => PeerReason | undefined;
  readonly lost: (index: number) => PeerReason | undefined;
  /** Whether it said that it has the piece. */
  readonly has: (index: number) => boolean;
  /** The metadata is there: enters what was said so far. */
  readonly attach: (table: PieceTable, slot: PeerSlot) => PeerReason | undefined;
}

/** A peer that has said nothing yet. */
export const makeHoldings = (): Holdings => {
  let said = false;
  let early: "all" | Uint8Array | undefined;
  let earlyHave: Uint8Array | undefined;
  let known: { readonly table: PieceTable; readonly slot: PeerSlot } | undefined;

  const first = (enter: () => PeerReason | undefined): PeerReason | undefined => {
    if (said) return { _tag: "LateBitfield" };
    said = true;
    return enter();
  };

  const bitfield = (bits: Uint8Array): PeerReason | undefined => {
    if (known === undefined) early = bits;
    else if (!Bitfield.fits(bits, known.table.pieceCount)) return { _tag: "BadBitfield" };
    else known.table.peerHasBits(known.slot, bits);
    return undefined;
  };

  const have = (index: number): PeerReason | undefined => {
    said = true;
    if (index >= (known?.table.pieceCount ?? MAX_PIECES)) return { _tag: "OutOfRange", message: "have", index };
    if (known !== undefined) known.table.peerHas(known.slot, index);
    else {
      earlyHave = grown(earlyHave, index);
      Bitfield.set(earlyHave, index);
    }
    return undefined;
  };

  return {
    all: () =>
      first(() => {
        if (known === undefined) early = "all";
        else known.table.peerHasAll(known.slot);
        return undefined;
      }),
    none: () => first(() => undefined),
    // aria2 sends one at any time, in place of many "have"
    bitfield: (bits) => {
      said = true;
      return bitfield(bits);
    },
    have,
    lost: (index) => {
      if (index >= (known?.table.pieceCount ?? MAX_PIECES))
        return { _tag: "OutOfRange", message: "lt_donthave", index };
      if (known !== undefined) known.table.peerLost(known.slot, index);
      else
        for (const bits of [early, earlyHave])
          if (bits !== undefined && bits !== "all" && index < bits.length * 8) Bitfield.unset(bits, index);
      return undefined;
    },
    has: (index) => {
      if (known !== undefined) return known.table.hasPiece(known.slot, index);
      return [early, earlyHave].some((bits) => bits === "all" || (bits !== undefined && Bitfield.has(bits, index)));
    },
    attach: (table, slot) => {
      known = { table, slot };
      if (early === "all") table.peerHasAll(slot);
      else if (early !== undefined) {
        const bad = bitfield(early);
        if (bad !== undefined) return bad;
      }
      if (earlyHave !== undefined) {
        for (let index = 0; index < earlyHave.length * 8; index++) {
          if (!Bitfield.has(earlyHave, index)) continue;
          if (index >= table.pieceCount) return { _tag: "OutOfRange", message: "have", index };
          table.peerHas(slot, index);
        }
      }
      early = undefined;
      earlyHave = undefined;
      return undefined;
    },
  };
};

/** `bits` with room for `index`, doubling. */
const grown = (bits: Uint8Array | undefined, index: number): Uint8Array => {
  const needed = Bitfield.byteLength(index + 1);
  if (bits !== undefined && bits.length >= needed) return bits;
  const larger = new Uint8Array(Math.max(needed, (bits?.length ?? 32) * 2));
  if (bits !== undefined) larger.set(bits);
  return larger;
};
