/** The pieces that a peer may have from us while it is choked (BEP 6): the same for every client that computes them. */
import * as NetAddress from "effect/net/NetAddress";
import type { InfoHash } from "./infoHash.ts";

/** Whose set of which torrent, and how many pieces. */
export interface AllowedFastOptions {
  /** The receiving peer's address as we see it; the set is defined for IPv4 only. */
  readonly address: NetAddress.Ipv4Address;
  readonly infoHash: InfoHash;
  readonly pieceCount: number;
  /** How many pieces: 5 to 10 (BEP 6 leaves the number open). */
  readonly size: number;
  /** SHA-1 of all of its argument, 20 bytes. */
  readonly sha1: (bytes: Uint8Array) => Uint8Array;
}

/** Indices of the allowed fast set, in the order of their generation; all pieces where there are no more than `size`. */
export const allowedFast = (options: AllowedFastOptions): ReadonlyArray<number> => {
  const { pieceCount, size } = options;
  if (pieceCount <= size) return Array.from({ length: pieceCount }, (_, index) => index);
  const [a, b, c] = NetAddress.ipv4ToOctets(options.address);
  let seed = Uint8Array.of(a, b, c, 0, ...options.infoHash.bytes);
  const set = new Set<number>();
  while (set.size < size) {
    seed = Uint8Array.from(options.sha1(seed));
    const words = new DataView(seed.buffer);
    for (let at = 0; at < seed.length && set.size < size; at += 4) set.add(words.getUint32(at) % pieceCount);
  }
  return [...set];
};
