/**
 * Memory that pieces are read into on their way to peers: a bounded pool that all peers of a download share. Whoever gets none makes do with little of
 * its own, so nobody waits for another peer to read.
 *
 * Life cycle: one per download; a buffer comes back when its bytes have been sent, or is forgotten with the connection that still holds it.
 */
import { BLOCK_LENGTH, PIECE_HEADER_LENGTH } from "../schema/wire.ts";

/** Bytes of one buffer, which is what is read and sent at once: 16 blocks, twice of which fit the L2 cache. */
export const BUFFER_LENGTH = 16 * (PIECE_HEADER_LENGTH + BLOCK_LENGTH);
/** Buffers out at once, at the most: 16 MiB. */
const MAX_OUT = 64;
/** Buffers kept for the next one who asks. */
const MAX_KEPT = 4;

/** The pool of one download. */
export interface ReadBuffers {
  /** A buffer of `BUFFER_LENGTH` bytes, the one used last first; none when too many are out. */
  readonly take: () => Uint8Array | undefined;
  readonly give: (buffer: Uint8Array) => void;
  /** A buffer that was taken will not come back. */
  readonly forget: () => void;
}

/** An empty pool. */
export const makeReadBuffers = (): ReadBuffers => {
  const kept: Array<Uint8Array> = [];
  let out = 0;
  return {
    take: () => {
      if (out >= MAX_OUT) return undefined;
      out++;
      return kept.pop() ?? new Uint8Array(BUFFER_LENGTH);
    },
    give: (buffer) => {
      out--;
      if (kept.length < MAX_KEPT) kept.push(buffer);
    },
    forget: () => {
      out--;
    },
  };
};
