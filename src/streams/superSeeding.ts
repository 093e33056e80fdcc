/**
 * Super-seeding (BEP 16): a seed that poses as empty and shows each peer one piece after the other, the rarest first; the next one when another peer is seen
 * to have the former. So each byte leaves it little more than once, as long as the peers pass things on. It ends by itself when there is another seed.
 *
 * State: which pieces each peer was shown, in this closure, by its slot in the piece table; `leave` when the peer is gone.
 */
import * as Bitfield from "../schema/bitfield.ts";
import type { PeerSlot, PieceTable } from "../services/Picker/Picker.ts";

/** Pieces shown to a peer that it has not passed on: one on its way, one waiting. */
const OUTSTANDING = 2;
/** A peer that has had a piece for this long shall not wait for others to want it, in milliseconds. */
const PATIENCE = 30_000;
/** Pieces shown to a peer at once when there is nothing to hide any more. */
const CATCH_UP = 1_000;

/** A peer that pieces are shown to. */
export interface Viewer {
  readonly slot: PeerSlot;
  /** Tells the peer that we have the piece. */
  readonly show: (index: number) => void;
}

/** What is shown to whom. Times are milliseconds of the monotonic clock. */
export interface SuperSeeding {
  /** We pose as empty. */
  readonly isPosing: () => boolean;
  readonly join: (viewer: Viewer) => void;
  readonly leave: (slot: PeerSlot) => void;
  /** The peer may know that we have the piece, as every peer may that came when we posed no more. */
  readonly isShown: (slot: PeerSlot, index: number) => boolean;
  /** The peer has told of one more piece, or of all that it has. */
  readonly announced: (slot: PeerSlot, index?: number) => void;
  /** Timers of one peer. */
  readonly tick: (slot: PeerSlot, now: number) => void;
}

interface View extends Viewer {
  readonly shown: Uint8Array;
  shownCount: number;
  /** Shown and not yet passed on, with the time since when the peer has it; -1 while it does not. */
  readonly outstanding: Map<number, number>;
  /** All pieces below were shown. */
  next: number;
}

/** Nothing shown to anybody; `random` gives numbers from 0 to below 1. */
export const makeSuperSeeding = (table: PieceTable, random: () => number): SuperSeeding => {
  const { pieceCount } = table;
  const views = new Map<PeerSlot, View>();
  /** How many peers were shown a piece and may be on the way to have it. */
  const promised = new Uint16Array(pieceCount);
  // One piece cannot be held back: a peer that learns of it sees a seed at once.
  let posing = pieceCount > 1;

  const settle = (view: View, index: number): void => {
    if (!view.outstanding.delete(index)) return;
    promised[index] = (promised[index] ?? 0) - 1;
  };

  /** The rarest piece that the peer does not have and was not shown, counting those promised; -1 when there is none. */
  const rarestFor = ({ shown, slot }: View): number => {
    const start = Math.floor(random() * pieceCount);
    let best = -1;
    let fewest = Number.POSITIVE_INFINITY;
    for (let n = 0; n < pieceCount; n++) {
      const index = (start + n) % pieceCount;
      if (Bitfield.has(shown, index) || !table.have(index) || table.hasPiece(slot, index)) continue;
      const copies = table.availability(index) + (promised[index] ?? 0);
      if (copies >= fewest) continue;
      best = index;
      fewest = copies;
      if (copies === 0) break;
    }
    return best;
  };

  /**
   * The last two go out together. libtorrent parts from a peer that becomes a seed while it wants nothing from it, and it does before it looks what the
   * news was: alone, the last piece would find it so whenever it had fetched the one before.
   */
  const show = (view: View, index: number): void => {
    Bitfield.set(view.shown, index);
    view.shownCount++;
    view.show(index);
    if (view.shownCount !== pieceCount - 1) return;
    const last = rarestFor(view);
    if (last >= 0) show(view, last);
  };

  const fill = (view: View): void => {
    if (!posing) return;
    while (view.outstanding.size < OUTSTANDING) {
      const index = rarestFor(view);
      if (index < 0) return;
      view.outstanding.set(index, -1);
      promised[index] = (promised[index] ?? 0) + 1;
      show(view, index);
    }
  };

  /** Whether nobody is left that the peer could pass the piece on to. */
  const isEverywhere = (index: number): boolean => {
    for (const { slot } of views.values()) if (!table.hasPiece(slot, index)) return false;
    return true;
  };

  const reveal = (view: View): void => {
    for (let told = 0; told < CATCH_UP && view.next < pieceCount; view.next++) {
      const index = view.next;
      if (Bitfield.has(view.shown, index) || !table.have(index) || table.hasPiece(view.slot, index)) continue;
      show(view, index);
      told++;
    }
  };

  return {
    isPosing: () => posing,
    join: ({ show: tell, slot }) => {
      // It was greeted as by any other seed.
      if (!posing) return;
      const shown = Bitfield.make(pieceCount);
      views.set(slot, { slot, show: tell, shown, shownCount: 0, outstanding: new Map(), next: 0 });
    },
    leave: (slot) => {
      const view = views.get(slot);
      if (view === undefined) return;
      for (const index of [...view.outstanding.keys()]) settle(view, index);
      views.delete(slot);
    },
    isShown: (slot, index) => {
      const view = views.get(slot);
      return view === undefined || Bitfield.has(view.shown, index);
    },
    announced: (slot, index) => {
      if (table.isSeed(slot)) posing = false;
      for (const view of views.values()) {
        const passed = [...view.outstanding.keys()].filter(
          (shown) =>
            (index === undefined ? table.hasPiece(slot, shown) : shown === index) &&
            (view.slot !== slot || isEverywhere(shown)),
        );
        for (const shown of passed) settle(view, shown);
        if (passed.length > 0) fill(view);
      }
    },
    tick: (slot, now) => {
      const view = views.get(slot);
      if (view === undefined) return;
      if (!posing) return reveal(view);
      for (const [index, since] of [...view.outstanding]) {
        if (!table.hasPiece(slot, index)) continue;
        if (since < 0) view.outstanding.set(index, now);
        if (isEverywhere(index) || (since >= 0 && now - since > PATIENCE)) settle(view, index);
      }
      fill(view);
    },
  };
};
