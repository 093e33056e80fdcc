/**
 * The piece table: it keeps what we have, want and have opened, and what each peer has and could give. How rare pieces are is the business of
 * availability.ts, which one to take that of choice.ts.
 *
 * State: bits and counts of this closure; a peer's slot is used again after it left.
 */
import * as Bitfield from "../../schema/bitfield.ts";
import { makeAvailability } from "./availability.ts";
import { makeChoice } from "./choice.ts";
import type { PeerSlot, PieceTable, PieceTableOptions } from "./PieceTable.ts";

/** While we have fewer, pieces are chosen at random, so as to have something to trade soon (BEP 3; four as in libtorrent). */
const RANDOM_FIRST = 4;

interface Peer {
  /** Absent while it has nothing, and when it has everything. */
  bits: Uint8Array | undefined;
  /** How many pieces it has. */
  count: number;
  /** Of these, wanted, missing and not open. */
  choosable: number;
  /** Kept by choice.ts. */
  floor: number;
  floorEpoch: number;
}

const countBoth = (a: Uint8Array, b: Uint8Array): number => {
  let n = 0;
  for (let at = 0; at < a.length; at++) {
    let byte = (a[at] ?? 0) & (b[at] ?? 0);
    for (; byte !== 0; byte &= byte - 1) n++;
  }
  return n;
};

/** A table for one torrent; `seed` makes its random choices repeatable. The bits in `options` are copied. */
export const makeTable = (options: PieceTableOptions, seed: number): PieceTable => {
  const { pieceCount, order } = options;
  const haveBits = Uint8Array.from(options.have);
  const wantedBits = Uint8Array.from(options.wanted);
  const openBits = Bitfield.make(pieceCount);
  const availability = makeAvailability(pieceCount);
  const { free, freeBits, opened } = availability;
  const choice = makeChoice(availability, seed);
  const peers: Array<Peer | undefined> = [];
  const vacant: Array<PeerSlot> = [];
  let haveCount = Bitfield.count(haveBits);

  const isMissing = (index: number): boolean => Bitfield.has(wantedBits, index) && !Bitfield.has(haveBits, index);
  const isFree = (index: number): boolean => Bitfield.has(freeBits, index);
  const missing = (): number => free.size() + opened.size();
  const slotOf = (peer: PeerSlot): Peer => {
    const slot = peers[peer];
    if (slot === undefined) throw new RangeError(`no peer in slot ${peer}`);
    return slot;
  };
  const isFull = (peer: Peer): boolean => peer.count === pieceCount;
  const peerHasPiece = (peer: Peer, index: number): boolean =>
    peer.bits === undefined ? isFull(peer) && index < pieceCount : Bitfield.has(peer.bits, index);

  /** Counts anew what a peer has to offer. */
  const weigh = (peer: Peer): void => {
    peer.floorEpoch = -1;
    if (peer.bits !== undefined) peer.choosable = countBoth(peer.bits, freeBits);
    else peer.choosable = isFull(peer) ? free.size() : 0;
  };
  /** Tells the peers that have the piece that there is one more, or one less, to choose. */
  const adjust = (index: number, by: number): void => {
    for (const peer of peers) if (peer !== undefined && peerHasPiece(peer, index)) peer.choosable += by;
  };
  const hasOpened = (peer: Peer): boolean => {
    for (let at = 0; at < opened.size(); at++) if (peerHasPiece(peer, opened.order[at] ?? 0)) return true;
    return false;
  };
  /** Replaces what a peer has; the bits become the table's own. */
  const assign = (peer: Peer, bits: Uint8Array | undefined, count: number): void => {
    availability.leave(peer.bits, peer.count);
    peer.count = count;
    peer.bits = count === 0 || count === pieceCount ? undefined : bits;
    availability.join(peer.bits, count);
    weigh(peer);
  };

  // Random ties: equals lie in the order they came in, so they come in at random.
  for (const index of choice.shuffled(pieceCount)) if (isMissing(index)) availability.setFree(index);

  return {
    pieceCount,
    order,
    haveBits,
    addPeer: () => {
      const slot = vacant.pop() ?? peers.length;
      const peer = { bits: undefined, count: 0, choosable: 0, floor: 0, floorEpoch: -1 };
      peers[slot] = peer;
      return slot;
    },
    removePeer: (slot) => {
      const peer = slotOf(slot);
      availability.leave(peer.bits, peer.count);
      peers[slot] = undefined;
      vacant.push(slot);
    },
    peerHas: (slot, index) => {
      const peer = slotOf(slot);
      if (!(index >= 0 && index < pieceCount) || peerHasPiece(peer, index)) return;
      peer.bits ??= Bitfield.make(pieceCount);
      Bitfield.set(peer.bits, index);
      availability.raise(index);
      if (isFree(index)) {
        peer.choosable++;
        peer.floor = Math.min(peer.floor, availability.level[index] ?? 0);
      }
      peer.count++;
      // No update of the availability: a peer that has all is taken out the same way however it was counted in.
      if (isFull(peer)) peer.bits = undefined;
    },
    peerLost: (slot, index) => {
      const peer = slotOf(slot);
      if (!(index >= 0 && index < pieceCount) || !peerHasPiece(peer, index)) return;
      peer.bits ??= Bitfield.full(pieceCount);
      Bitfield.unset(peer.bits, index);
      peer.count--;
      availability.lower(index);
      if (isFree(index)) peer.choosable--;
      if (peer.count === 0) peer.bits = undefined;
    },
    peerHasBits: (slot, bits) => assign(slotOf(slot), Uint8Array.from(bits), Bitfield.count(bits)),
    peerHasAll: (slot) => assign(slotOf(slot), undefined, pieceCount),
    hasPiece: (slot, index) => peerHasPiece(slotOf(slot), index),
    isSeed: (slot) => isFull(slotOf(slot)),
    peerCount: (slot) => slotOf(slot).count,
    interesting: (slot) => {
      const peer = slotOf(slot);
      return peer.choosable > 0 || hasOpened(peer);
    },
    choose: (slot, among) => {
      const peer = slotOf(slot);
      if (peer.choosable === 0) return -1;
      const bits = peer.bits ?? freeBits;
      if (order === "sequential") return choice.firstIn(bits, among ?? freeBits);
      if (among !== undefined) return choice.rarestIn(bits, among);
      return haveCount < RANDOM_FIRST ? choice.random(peer) : choice.rarest(peer);
    },
    open: (index) => {
      if (Bitfield.has(openBits, index) || Bitfield.has(haveBits, index)) return;
      Bitfield.set(openBits, index);
      if (!isMissing(index)) return;
      availability.setOpened(index);
      adjust(index, -1);
    },
    reopen: (index) => {
      if (!Bitfield.has(openBits, index)) return;
      Bitfield.unset(openBits, index);
      if (!isMissing(index)) return;
      availability.setFree(index);
      adjust(index, 1);
    },
    got: (index) => {
      if (Bitfield.has(haveBits, index)) return;
      if (isFree(index)) adjust(index, -1);
      availability.drop(index);
      Bitfield.unset(openBits, index);
      Bitfield.set(haveBits, index);
      haveCount++;
    },
    lost: (index) => {
      if (!Bitfield.has(haveBits, index)) return;
      Bitfield.unset(haveBits, index);
      haveCount--;
      if (!isMissing(index)) return;
      availability.setFree(index);
      adjust(index, 1);
    },
    have: (index) => Bitfield.has(haveBits, index),
    wanted: (index) => Bitfield.has(wantedBits, index),
    haveCount: () => haveCount,
    missing,
    unopened: () => free.size(),
    availability: availability.of,
    rarest: availability.rarest,
  };
};
