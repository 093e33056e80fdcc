/**
 * The 20-byte name of a torrent on the wire (BEP 3; a v2 hash is used truncated, BEP 52).
 * Holds bytes and their hex once, so that maps can be keyed by text and packets filled from bytes.
 */
import type * as Arr from "effect/Array";
import * as Hex from "effect/encoding/Hex";
import * as Option from "effect/Option";
import * as Result from "effect/Result";

/** A 20-byte info-hash. `hex` is lower case; `bytes` must not be written to. */
export interface InfoHash {
  readonly hex: string;
  readonly bytes: Uint8Array;
}

/** The length of an info-hash on the wire, in bytes. */
export const INFO_HASH_LENGTH = 20;

/** The hashes that a torrent, or a link to one, is named by: in full, in hex. */
export interface TorrentHashes {
  /** The one to go by where one is enough: v1's where there is one. */
  readonly infoHash: InfoHash;
  /** SHA-1 of the info dictionary. */
  readonly infoHashV1?: string;
  /** SHA-256 of it. */
  readonly infoHashV2?: string;
}

/** Takes the first 20 of `bytes` (all of a SHA-1, the head of a SHA-256); none when there are fewer. */
export const fromBytes = (bytes: Uint8Array): Option.Option<InfoHash> => {
  if (bytes.length < INFO_HASH_LENGTH) return Option.none();
  const own = Uint8Array.from(bytes.subarray(0, INFO_HASH_LENGTH));
  return Option.some({ hex: Hex.encode(own), bytes: own });
};

/** What a torrent is called on the wire: by `infoHash` first, and a hybrid by v2's truncated hash as well (BEP 52). */
export const wireNames = ({ infoHash, infoHashV1, infoHashV2 }: TorrentHashes): Arr.NonEmptyReadonlyArray<InfoHash> => {
  if (infoHashV1 === undefined || infoHashV2 === undefined) return [infoHash];
  const truncated = Option.flatMap(Result.getSuccess(Hex.decode(infoHashV2)), fromBytes);
  return Option.isSome(truncated) ? [infoHash, truncated.value] : [infoHash];
};

/** Whether two info-hashes name the same torrent. */
export const equals = (a: InfoHash, b: InfoHash): boolean => a.hex === b.hex;
