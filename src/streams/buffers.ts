/**
 * Bounded pools of equal buffers, reused so that memory stays flat: pieces arrive in those of one pool, and are read into those of another on their way to
 * peers. What an empty pool means is its users' to decide: no new piece is asked for, or whoever reads makes do with little memory of its own.
 */

/** A pool of equal buffers. */
export interface Buffers {
  /** A buffer with arbitrary content, the one used last first; none when all are in use. */
  readonly take: () => Uint8Array | undefined;
  /** Gives a buffer back; it must not be used afterwards. */
  readonly give: (buffer: Uint8Array) => void;
  /** Counts a buffer as free without reusing it: somebody may still read it or write into it. */
  readonly forget: () => void;
  /** Buffers in use. */
  readonly used: () => number;
  readonly capacity: number;
}

/** A pool of `capacity` buffers of `length` bytes, allocated when first needed; at most `kept` of those that come back are kept for the next one who asks. */
export const makeBuffers = (length: number, capacity: number, kept: number = capacity): Buffers => {
  const free: Array<Uint8Array> = [];
  let used = 0;
  return {
    take: () => {
      if (used >= capacity) return undefined;
      used++;
      return free.pop() ?? new Uint8Array(length);
    },
    give: (buffer) => {
      used--;
      if (free.length < kept) free.push(buffer);
    },
    forget: () => {
      used--;
    },
    used: () => used,
    capacity,
  };
};
