/**
 * How many peers have each piece, and which pieces are to be fetched, kept in order of that. It knows bits, not peers.
 *
 * State: typed arrays. A piece's availability is `level[piece] + shared`: a peer that has everything is counted once in `shared` and costs no
 * update per piece, so seeds come and go in constant time.
 */
import * as Bitfield from "../../schema/bitfield.ts";
import type { Rarity } from "./rarity.ts";
import { makeRarity } from "./rarity.ts";

/** Levels are moved by this much at once when they would go below zero, so that a move of all pieces is rare. */
const SHIFT = 64;
/** How far `shared` falls before the levels are brought down again; well beyond `SHIFT`, so that the two do not alternate. */
const SHIFT_DOWN_AT = -4 * SHIFT;

/** The availability of all pieces; arrays and bits are to be read, not written. */
export interface Availability {
  /** A piece's availability, less what all pieces have in common: enough to compare by. */
  readonly level: Uint32Array;
  /** Wanted, missing and not open. */
  readonly free: Rarity;
  /** The members of `free` as bits. */
  readonly freeBits: Uint8Array;
  /** Wanted, missing and open. */
  readonly opened: Rarity;
  /** Changes when a free piece may have come to a lower level or a piece became free. */
  readonly epoch: () => number;
  readonly of: (index: number) => number;
  /** The availability of the rarest piece that is free or open; 0 when there is none. */
  readonly rarest: () => number;
  readonly raise: (index: number) => void;
  readonly lower: (index: number) => void;
  /** A peer with `count` pieces comes; without bits it has all or none. */
  readonly join: (bits: Uint8Array | undefined, count: number) => void;
  /** A peer with `count` pieces goes; without bits it has all or none. */
  readonly leave: (bits: Uint8Array | undefined, count: number) => void;
  readonly setFree: (index: number) => void;
  readonly setOpened: (index: number) => void;
  /** The piece is neither free nor opened from now on. */
  readonly drop: (index: number) => void;
}

/** The bits, or with `flip` 0xff those that are not set; the latter past the end too. */
const forEachBit = (bits: Uint8Array, flip: number, f: (index: number) => void): void => {
  for (let at = 0; at < bits.length; at++) {
    let byte = (bits[at] ?? 0) ^ flip;
    while (byte !== 0) {
      const lead = Math.clz32(byte) - 24;
      byte &= ~(0x80 >>> lead);
      f(at * 8 + lead);
    }
  }
};

/** Nobody has anything, and nothing is to be fetched. */
export const makeAvailability = (pieceCount: number): Availability => {
  const level = new Uint32Array(pieceCount);
  const free = makeRarity(pieceCount);
  const freeBits = Bitfield.make(pieceCount);
  const opened = makeRarity(pieceCount);
  let shared = 0;
  let epoch = 0;

  const levelOf = (index: number): number => level[index] ?? 0;
  const isIn = (set: Rarity, index: number): boolean => (set.position[index] ?? -1) >= 0;
  const shift = (by: number): void => {
    for (let index = 0; index < pieceCount; index++) level[index] = levelOf(index) + by;
    shared -= by;
    free.shift(by);
    opened.shift(by);
    epoch++;
  };
  const raise = (index: number): void => {
    const from = levelOf(index);
    level[index] = from + 1;
    if (isIn(free, index)) free.raise(index, from);
    else if (isIn(opened, index)) opened.raise(index, from);
  };
  const lower = (index: number): void => {
    if (levelOf(index) === 0) shift(SHIFT);
    const from = levelOf(index);
    level[index] = from - 1;
    epoch++;
    if (isIn(free, index)) free.lower(index, from);
    else if (isIn(opened, index)) opened.lower(index, from);
  };
  const raiseInside = (index: number): void => {
    if (index < pieceCount) raise(index);
  };
  const lowerInside = (index: number): void => {
    if (index < pieceCount) lower(index);
  };
  const drop = (index: number): void => {
    if (isIn(opened, index)) opened.remove(index, levelOf(index));
    if (!isIn(free, index)) return;
    free.remove(index, levelOf(index));
    Bitfield.unset(freeBits, index);
  };
  const lowest = (set: Rarity): number => (set.size() === 0 ? Infinity : levelOf(set.order[0] ?? 0));

  return {
    level,
    free,
    freeBits,
    opened,
    epoch: () => epoch,
    of: (index) => (index < pieceCount ? levelOf(index) + shared : 0),
    rarest: () => (free.size() + opened.size() === 0 ? 0 : Math.min(lowest(free), lowest(opened)) + shared),
    raise,
    lower,
    // Of a peer that has more than half, the pieces that it lacks are fewer.
    join: (bits, count) => {
      const most = count > pieceCount / 2;
      if (most) shared++;
      if (bits !== undefined) forEachBit(bits, most ? 0xff : 0, most ? lowerInside : raiseInside);
    },
    leave: (bits, count) => {
      const most = count > pieceCount / 2;
      if (bits !== undefined) forEachBit(bits, most ? 0xff : 0, most ? raiseInside : lowerInside);
      if (most) shared--;
      if (shared <= SHIFT_DOWN_AT) shift(-2 * SHIFT);
    },
    setFree: (index) => {
      drop(index);
      free.insert(index, levelOf(index));
      Bitfield.set(freeBits, index);
      epoch++;
    },
    setOpened: (index) => {
      drop(index);
      opened.insert(index, levelOf(index));
    },
    drop,
  };
};
