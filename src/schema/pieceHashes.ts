/** The SHA-1 hashes of a torrent's pieces, one after the other as the info dictionary has them (`pieces`, BEP 3). */

/** Bytes of one. */
export const PIECE_HASH_LENGTH = 20;

/** Whether `digest` is the hash of piece `index`; outside the torrent nothing is. */
export const isHashOf = (hashes: Uint8Array, index: number, digest: Uint8Array): boolean => {
  const at = index * PIECE_HASH_LENGTH;
  for (let i = 0; i < PIECE_HASH_LENGTH; i++) if (digest[i] === undefined || digest[i] !== hashes[at + i]) return false;
  return true;
};
