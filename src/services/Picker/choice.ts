/**
 * Which of the free pieces a peer should give us: the rarest with random ties, or the first. It changes nothing.
 *
 * State: a random generator, and where the last search for the first piece ended.
 */
import * as Bitfield from "../../schema/bitfield.ts";
import type { Availability } from "./availability.ts";

/** Places of the order looked at for a peer with few pieces before its own bits are read instead. */
const PROBES = 1024;

/** Places of a level looked at by chance before it is gone through: neighbours often have the same holders. */
const SAMPLES = 16;

/** What is known of a peer when a piece is chosen. */
export interface Chooser {
  /** Absent when it has everything. */
  readonly bits: Uint8Array | undefined;
  /** How many free pieces it has; at least one. */
  readonly choosable: number;
  /** No free piece of it has a lower level, as long as `floorEpoch` is the present one. Written here. */
  floor: number;
  floorEpoch: number;
}

/** The ways to choose; -1 when there is none. */
export interface Choice {
  /** Any free piece of the peer. */
  readonly random: (peer: Chooser) => number;
  /** A rarest free piece of the peer. */
  readonly rarest: (peer: Chooser) => number;
  /** A rarest free piece that is in both sets. */
  readonly rarestIn: (bits: Uint8Array, among: Uint8Array) => number;
  /** The first free piece that is in both sets. */
  readonly firstIn: (bits: Uint8Array, among: Uint8Array) => number;
  /** The whole numbers below `count` in random order. */
  readonly shuffled: (count: number) => Uint32Array;
}

/** Chooses from `availability.free`; `seed` makes it repeatable. */
export const makeChoice = (availability: Availability, seed: number): Choice => {
  const { free, freeBits, level } = availability;
  let state = seed | 0 || 1;
  /** No byte of `freeBits` before this one has a bit, as long as `firstEpoch` is the present one. */
  let first = 0;
  let firstEpoch = -1;

  /** xorshift32: a whole number below `bound`. */
  const below = (bound: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
  const levelOf = (index: number): number => level[index] ?? 0;
  /** A piece of `order[from, to)` that the peer has, by chance; -1 when there is none, -2 when none was found within `limit` looks. */
  const probe = (bits: Uint8Array, from: number, to: number, limit: number): number => {
    const length = to - from;
    for (let looks = 0; looks < SAMPLES && looks < length; looks++) {
      const index = free.order[from + below(length)] ?? 0;
      if (Bitfield.has(bits, index)) return index;
    }
    let at = from + below(length);
    for (let looks = 0; looks < length; looks++) {
      if (looks === limit) return -2;
      const index = free.order[at] ?? 0;
      if (Bitfield.has(bits, index)) return index;
      if (++at === to) at = from;
    }
    return -1;
  };
  const rarestIn = (bits: Uint8Array, among: Uint8Array): number => {
    let best = -1;
    let bestLevel = Infinity;
    let equals = 0;
    for (let at = 0; at < freeBits.length; at++) {
      let byte = (bits[at] ?? 0) & (freeBits[at] ?? 0) & (among[at] ?? 0);
      while (byte !== 0) {
        const lead = Math.clz32(byte) - 24;
        byte &= ~(0x80 >>> lead);
        const index = at * 8 + lead;
        const its = levelOf(index);
        if (its > bestLevel) continue;
        equals = its < bestLevel ? 1 : equals + 1;
        bestLevel = its;
        if (below(equals) === 0) best = index;
      }
    }
    return best;
  };

  return {
    random: ({ bits }) => {
      const size = free.size();
      return bits === undefined ? (free.order[below(size)] ?? -1) : probe(bits, 0, size, size);
    },
    rarest: (peer) => {
      const { bits } = peer;
      const size = free.size();
      const lowest = levelOf(free.order[0] ?? 0);
      if (bits === undefined) return free.order[below(free.startOf(lowest + 1))] ?? -1;
      if (peer.floorEpoch !== availability.epoch()) {
        peer.floor = 0;
        peer.floorEpoch = availability.epoch();
      }
      const limit = peer.choosable * 4 < size ? PROBES : size;
      for (let at = Math.max(peer.floor, lowest); free.startOf(at) < size; at++) {
        const from = free.startOf(at);
        const to = free.startOf(at + 1);
        const found = from === to ? -1 : probe(bits, from, to, limit);
        if (found >= 0) return found;
        if (found === -2) {
          const best = rarestIn(bits, freeBits);
          peer.floor = levelOf(best);
          return best;
        }
        peer.floor = at + 1;
      }
      return -1;
    },
    rarestIn,
    firstIn: (bits, among) => {
      if (firstEpoch !== availability.epoch()) {
        first = 0;
        firstEpoch = availability.epoch();
      }
      while (first < freeBits.length && freeBits[first] === 0) first++;
      for (let at = first; at < freeBits.length; at++) {
        const byte = (bits[at] ?? 0) & (freeBits[at] ?? 0) & (among[at] ?? 0);
        if (byte !== 0) return at * 8 + Math.clz32(byte) - 24;
      }
      return -1;
    },
    shuffled: (count) => {
      const indices = Uint32Array.from({ length: count }, (_, index) => index);
      for (let at = count - 1; at > 0; at--) {
        const other = below(at + 1);
        const index = indices[at] ?? 0;
        indices[at] = indices[other] ?? 0;
        indices[other] = index;
      }
      return indices;
    },
  };
};
