/**
 * The 20-byte name of a torrent on the wire (BEP 3; a v2 hash is used truncated, BEP 52).
 * Holds bytes and their hex once, so that maps can be keyed by text and packets filled from bytes.
 */
import * as Hex from "effect/encoding/Hex";
import * as Option from "effect/Option";

/** A 20-byte info-hash. `hex` is lower case; `bytes` must not be written to. */
export interface InfoHash {
  readonly hex: string;
  readonly bytes: Uint8Array;
}

/** The length of an info-hash on the wire, in bytes. */
export const INFO_HASH_LENGTH = 20;

/** Takes the first 20 of `bytes` (all of a SHA-1, the head of a SHA-256); none when there are fewer. */
export const fromBytes = (bytes: Uint8Array): Option.Option<InfoHash> => {
  if (bytes.length < INFO_HASH_LENGTH) return Option.none();
  const own = Uint8Array.from(bytes.subarray(0, INFO_HASH_LENGTH));
  return Option.some({ hex: Hex.encode(own), bytes: own });
};

/** Whether two info-hashes name the same torrent. */
export const equals = (a: InfoHash, b: InfoHash): boolean => a.hex === b.hex;
