/** A block of a torrent as one number, for maps and sets of what is awaited. */
import { BLOCK_LENGTH } from "../../schema/block.ts";

/** Blocks of one piece at the most: those of 1 GiB, the longest piece that is taken. */
const STRIDE = 65_536;

/** The key of the block of piece `index` at `begin`. */
export const keyOf = (index: number, begin: number): number => index * STRIDE + begin / BLOCK_LENGTH;

/** The piece of a key. */
export const indexOf = (key: number): number => Math.floor(key / STRIDE);

/** Where the block of a key begins in its piece. */
export const beginOf = (key: number): number => (key % STRIDE) * BLOCK_LENGTH;
