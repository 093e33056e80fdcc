/**
 * Sets of piece indices as bits, most significant first (BEP 3). Plain functions over `Uint8Array`: the hot path and the wire share one form.
 */

/** Bytes that `count` bits take. */
export const byteLength = (count: number): number => (count + 7) >>> 3;

/** An empty set with room for `count` indices. */
export const make = (count: number): Uint8Array => new Uint8Array(byteLength(count));

/** A set of all indices below `count`; spare bits are zero. */
export const full = (count: number): Uint8Array => {
  const bits = make(count).fill(0xff);
  const spare = bits.length * 8 - count;
  if (spare > 0) bits[bits.length - 1] = (0xff << spare) & 0xff;
  return bits;
};

/** Whether `index` is in the set; indices outside are not. */
export const has = (bits: Uint8Array, index: number): boolean =>
  ((bits[index >>> 3] ?? 0) & (0x80 >>> (index & 7))) !== 0;

/** Adds `index`. */
export const set = (bits: Uint8Array, index: number): void => {
  bits[index >>> 3] = (bits[index >>> 3] ?? 0) | (0x80 >>> (index & 7));
};

/** Removes `index`. */
export const unset = (bits: Uint8Array, index: number): void => {
  bits[index >>> 3] = (bits[index >>> 3] ?? 0) & ~(0x80 >>> (index & 7));
};

/** How many indices are in the set. */
export const count = (bits: Uint8Array): number => {
  let n = 0;
  for (let byte of bits) {
    byte -= (byte >>> 1) & 0x55;
    byte = (byte & 0x33) + ((byte >>> 2) & 0x33);
    n += (byte + (byte >>> 4)) & 0x0f;
  }
  return n;
};

/** Whether `bits` is a bitfield of `count` pieces: the right length, spare bits zero (BEP 3). */
export const fits = (bits: Uint8Array, pieceCount: number): boolean => {
  if (bits.length !== byteLength(pieceCount)) return false;
  const spare = bits.length * 8 - pieceCount;
  return spare === 0 || ((bits[bits.length - 1] ?? 0) & ((1 << spare) - 1)) === 0;
};

/** What is in either set; the sets are of one size. */
export const union = (a: Uint8Array, b: Uint8Array): Uint8Array => a.map((byte, at) => byte | (b[at] ?? 0));

/** What is in both sets; the sets are of one size. */
export const intersection = (a: Uint8Array, b: Uint8Array): Uint8Array => a.map((byte, at) => byte & (b[at] ?? 0));

/** What is in `a` and not in `b`; the sets are of one size. */
export const difference = (a: Uint8Array, b: Uint8Array): Uint8Array => a.map((byte, at) => byte & ~(b[at] ?? 0));

/** Whether all of `a` is in `b`; the sets are of one size. */
export const isSubset = (a: Uint8Array, b: Uint8Array): boolean => a.every((byte, at) => (byte & ~(b[at] ?? 0)) === 0);
