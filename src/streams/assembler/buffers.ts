/**
 * The bounded pool that all piece buffers come from: when it is empty no new piece is asked for, which is the pipeline's backpressure.
 * Buffers are of one size and reused, so that memory stays flat.
 */

/** A pool of equal buffers. */
export interface Buffers {
  /** A buffer with arbitrary content, or none when all are in use. */
  readonly take: () => Uint8Array | undefined;
  /** Gives a buffer back; it must not be used afterwards. */
  readonly give: (buffer: Uint8Array) => void;
  /** Counts a buffer as free without reusing it: somebody may still write into it. */
  readonly forget: () => void;
  /** Buffers in use. */
  readonly used: () => number;
  readonly capacity: number;
}

/** A pool of `capacity` buffers of `length` bytes, allocated when first needed. */
export const makeBuffers = (length: number, capacity: number): Buffers => {
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
      free.push(buffer);
    },
    forget: () => {
      used--;
    },
    used: () => used,
    capacity,
  };
};
