/** What both implementations of RC4 have in common: what a cipher is, and the key schedule. */

/** One direction of an RC4 stream: enciphering and deciphering are the same, and each byte moves the stream on by one. */
export interface Rc4 {
  /** Writes `from`, enciphered, to the head of `to`, which is at least as long and may be the same. */
  readonly apply: (from: Uint8Array, to: Uint8Array) => void;
}

/** Entries of the state. */
export const STATE_LENGTH = 256;

/** The state that a key of 1 to 256 bytes makes: a permutation of 0 to 255. */
export const schedule = (key: Uint8Array): Uint8Array => {
  const state = Uint8Array.from({ length: STATE_LENGTH }, (_, i) => i);
  let j = 0;
  for (let i = 0; i < STATE_LENGTH; i++) {
    const x = state[i] ?? 0;
    j = (j + x + (key[i % key.length] ?? 0)) & 255;
    state[i] = state[j] ?? 0;
    state[j] = x;
  }
  return state;
};
