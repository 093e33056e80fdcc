/**
 * The Bloom filters by which DHT nodes tell how many peers they know (BEP 33): 2,048 bits, two of them set by each address. It does not hash: it takes
 * the SHA-1 of an address's bytes.
 */

/** The length of a filter, in bytes. */
export const BLOOM_LENGTH = 256;
const BITS = BLOOM_LENGTH * 8;
/** Bits that each address sets. */
const HASHES = 2;

/** A filter that holds nothing. */
export const emptyBloom = (): Uint8Array => new Uint8Array(BLOOM_LENGTH);

/** Adds the address whose bytes have the SHA-1 `digest` to `filter`, in place. */
export const addToBloom = (filter: Uint8Array, digest: Uint8Array): void => {
  for (let at = 0; at < HASHES * 2; at += 2) {
    const bit = ((digest[at] ?? 0) | ((digest[at + 1] ?? 0) << 8)) % BITS;
    filter[bit >>> 3] = (filter[bit >>> 3] ?? 0) | (1 << (bit & 7));
  }
};

/** Adds all that `other` holds to `filter`, in place. */
export const mergeBloom = (filter: Uint8Array, other: Uint8Array): void => {
  for (let i = 0; i < BLOOM_LENGTH; i++) filter[i] = (filter[i] ?? 0) | (other[i] ?? 0);
};

/** About how many addresses `filter` holds. */
export const bloomCount = (filter: Uint8Array): number => {
  let zeros = BITS;
  for (const byte of filter) for (let rest = byte; rest !== 0; rest &= rest - 1) zeros--;
  // a full filter has no logarithm; an empty one must give 0 and not the 0.5 of BEP 33's 2047
  const unset = Math.max(zeros, 1);
  return unset === BITS ? 0 : Math.log(unset / BITS) / (HASHES * Math.log(1 - 1 / BITS));
};
