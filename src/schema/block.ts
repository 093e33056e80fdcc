/** A block: what peers ask each other for at once (BEP 3). How long the blocks of a piece are is geometry.ts's. */

/** The length of every block but the last of a piece, in bytes (BEP 3). */
export const BLOCK_LENGTH = 16384;

/** A block on the wire: what `request`, `cancel`, `reject` and `piece` speak of. `begin` and `length` in bytes. */
export interface BlockSpan {
  readonly index: number;
  readonly begin: number;
  readonly length: number;
}

/** The longest payload of `piece` that is taken, in bytes: the most that clients ever asked for in one go, though BEP 3 knows 16 KiB only. */
export const MAX_PIECE_PAYLOAD = 128 * 1024;
