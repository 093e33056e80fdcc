/**
 * What we ask of one peer: the requests that wait for an answer, how many there should be, and when to give up on them. It decides neither
 * which block (the assembler) nor which piece (the picker).
 *
 * Life cycle: made when the torrent's metadata and the peer's handshake are there; `close` when the peer is gone.
 */
import { BLOCK_LENGTH, type BlockSpan } from "../schema/block.ts";
import type { Assembler, Filled } from "./assembler/assembler.ts";
import { beginOf, indexOf, keyOf } from "./assembler/blockKey.ts";
import type { Contributor } from "./assembler/openPiece.ts";
import type { PeerSlot } from "../services/Picker/Picker.ts";
import type { Idleness } from "../services/Idleness/Idleness.ts";
import { makeDepth } from "./depth.ts";
import { makeWaiting } from "./waiting.ts";

/** A request older than this may be asked of another peer in end-game, in milliseconds, however fast we think its peer is. */
const LATE_AFTER = 500;
/** Nor does a peer that has nothing to ask for look for such requests again sooner than after this, in milliseconds: it is a look at all blocks under way. */
const LOOK_AGAIN_AFTER = 100;
/** Requests sent at once at the most where many wait: a longer pause would leave a long line empty for a while. */
const TOP_UP = 32;

/** The conversation's side of the requests. */
export interface RequestsOptions {
  readonly slot: PeerSlot;
  readonly address: string;
  /** Sends the requests in one write. */
  readonly ask: (blocks: ReadonlyArray<BlockSpan>) => void;
  readonly cancel: (index: number, begin: number, length: number) => void;
  readonly idleness: Idleness;
  /** What the peer says it takes, capped. */
  readonly most: () => number;
  /** Bits of the pieces that may be had while choked; none when there are none. */
  readonly whileChoked: () => Uint8Array | undefined;
  /** Bits of the pieces to be preferred, as the peer suggests; none when there are none. */
  readonly first: () => Uint8Array | undefined;
}

/** The requests of one peer. Times are milliseconds of one monotonic clock. */
export interface Requests {
  readonly contributor: Contributor;
  /** Tops up when half the queue is gone, or enough of a long one, by no more than `quota` bytes. Returns the bytes asked for. */
  readonly refill: (now: number, choked: boolean, quota: number) => number;
  /** For the decoder: where a block's payload goes. */
  readonly begin: (index: number, begin: number, length: number) => Uint8Array | undefined;
  /** For the decoder: the block is complete; whether it was of use. */
  readonly end: (index: number, begin: number) => boolean;
  /** A `piece` message was handled; whether it answered a request that waited. */
  readonly arrived: (message: BlockSpan & { readonly wanted: boolean }, now: number) => boolean;
  /** The peer rejected a request; whether it had been made. */
  readonly rejected: (index: number, begin: number) => boolean;
  /** The peer lost a piece: without the fast extension its requests are void. */
  readonly lost: (index: number) => void;
  /** The peer choked us: without the fast extension all requests are void. */
  readonly voided: () => void;
  /** Gives everything back when no block came for `snubTimeout`. */
  readonly checkSnubbed: (now: number, snubTimeout: number) => void;
  readonly waiting: () => number;
  readonly snubbed: () => boolean;
  readonly rate: (now: number) => number;
  /** Full runs since the last call; the caller passes them on. */
  readonly takeFilled: () => Array<Filled>;
  /** The peer is gone. */
  readonly close: () => void;
}

/** No requests yet. */
export const makeRequests = (assembler: Assembler, asking: RequestsOptions): Requests => {
  const waiting = makeWaiting();
  const depth = makeDepth({ ...asking, backlog: assembler.backlog });
  const list: Array<BlockSpan> = [];
  let filled: Array<Filled> = [];
  let snubbed = false;
  /** When everything was given back for being late: others get their turn at it before this peer does. */
  let gaveUpAt = -1;
  let lastBlock = 0;
  let lookAt = 0;
  let clock = 0;

  const contributor: Contributor = {
    slot: asking.slot,
    address: asking.address,
    cancel: (index, begin, length) => {
      if (waiting.take(keyOf(index, begin)) >= 0) asking.cancel(index, begin, length);
    },
    isLate: (index, begin) => {
      // The oldest is mostly young: then none is late, and none has to be looked for.
      if (waiting.size() > 0 && clock - waiting.oldest() <= LATE_AFTER) return false;
      const at = waiting.sentAt(keyOf(index, begin));
      return at < 0 || clock - at > LATE_AFTER;
    },
  };

  const giveBackAll = (): void => {
    for (const key of waiting.keys()) assembler.giveBack(contributor, indexOf(key), beginOf(key));
    waiting.clear();
  };

  return {
    contributor,
    refill: (now, choked, quota) => {
      clock = now;
      const among = choked ? asking.whileChoked() : undefined;
      if (choked && among === undefined) return 0;
      if (now === gaveUpAt) return 0;
      const target = snubbed ? 1 : depth.depth();
      if (target - waiting.size() < Math.min(target / 2, TOP_UP)) return 0;
      const room = Math.min(target - waiting.size(), Math.floor(quota / BLOCK_LENGTH));
      if (room === 0) return 0;
      const first = choked ? undefined : asking.first();
      if (first !== undefined) assembler.reserve(contributor, room, { out: list, among: first });
      if (list.length < room) assembler.reserve(contributor, room - list.length, { out: list, among });
      if (list.length === 0 && waiting.size() === 0 && !choked && now >= lookAt) {
        lookAt = now + LOOK_AGAIN_AFTER;
        assembler.reserveLate(contributor, room, list);
      }
      if (list.length === 0) return 0;
      if (waiting.size() === 0) lastBlock = now;
      let bytes = 0;
      for (const block of list) {
        waiting.add(keyOf(block.index, block.begin), now);
        bytes += block.length;
      }
      asking.ask(list);
      list.length = 0;
      return bytes;
    },
    begin: (index, begin, length) =>
      waiting.sentAt(keyOf(index, begin)) >= 0 ? assembler.begin(contributor, index, begin, length) : undefined,
    end: (index, begin) => assembler.end(contributor, { index, begin }, filled),
    arrived: ({ index, begin, length, wanted }, now) => {
      clock = now;
      const at = waiting.take(keyOf(index, begin));
      if (at >= 0) {
        depth.answered(now - at, now);
        if (!wanted) assembler.giveBack(contributor, index, begin);
      }
      lastBlock = now;
      snubbed = false;
      depth.arrived(length, now);
      return at >= 0;
    },
    rejected: (index, begin) => {
      if (waiting.take(keyOf(index, begin)) < 0) return false;
      assembler.giveBack(contributor, index, begin);
      return true;
    },
    lost: (index) => {
      for (const key of waiting.keys()) {
        if (indexOf(key) !== index) continue;
        waiting.take(key);
        assembler.giveBack(contributor, index, beginOf(key));
      }
    },
    voided: giveBackAll,
    checkSnubbed: (now, snubTimeout) => {
      clock = now;
      if (waiting.size() === 0 || now - lastBlock < snubTimeout) return;
      snubbed = true;
      gaveUpAt = now;
      giveBackAll();
      lastBlock = now;
    },
    waiting: waiting.size,
    snubbed: () => snubbed,
    rate: depth.rate,
    takeFilled: () => {
      const taken = filled;
      if (taken.length > 0) filled = [];
      return taken;
    },
    close: () => {
      giveBackAll();
      assembler.leave(contributor);
    },
  };
};
