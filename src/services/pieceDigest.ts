/**
 * Digests of pieces, made while their bytes come by: SHA-1 over the whole (v1), the hashes of blocks and the tree over them (v2), both for a hybrid. It judges
 * nothing: schema/pieceHashes.ts does. Synchronous, as the Hasher is.
 */
import { fileOf, paddedLength, pieceLength, type Shape } from "../schema/geometry.ts";
import { LEAF_BLOCK, NODE_LENGTH, nodeOver } from "../schema/merkle.ts";
import { nodeLevel, type PieceDigest } from "../schema/pieceHashes.ts";
import type { Digests } from "./digests.ts";

/** The digest of one piece in the making. Every byte has to be given to each of `block` and `update` that is there, once. */
export interface PieceDigesting {
  /** Takes block `block` (16 KiB but for the last), in any order; absent in v1. */
  readonly block?: (block: number, bytes: Uint8Array) => void;
  /** Takes bytes that follow those before, from the beginning of the piece; absent in v2-only torrents. */
  readonly update?: (bytes: Uint8Array) => void;
  /** To be called once, when all bytes were taken. */
  readonly digest: () => PieceDigest;
}

/** Makes digests of the pieces of one torrent. */
export interface PieceDigests {
  readonly begin: (index: number) => PieceDigesting;
  /** The digest of piece `index`, whose bytes these are. */
  readonly of: (index: number, bytes: Uint8Array) => PieceDigest;
}

const ZEROS = new Uint8Array(LEAF_BLOCK);

/** Gives a digest bytes of a piece from `from` on (a multiple of 16 KiB), up to the end of a block or of the piece. */
export const feed = (digesting: PieceDigesting, from: number, bytes: Uint8Array): void => {
  digesting.update?.(bytes);
  if (digesting.block === undefined) return;
  for (let at = 0; at < bytes.length; at += LEAF_BLOCK)
    digesting.block((from + at) / LEAF_BLOCK, bytes.subarray(at, at + LEAF_BLOCK));
};

/** All that has to be known of a piece to make its digest. */
export interface PieceRecipe {
  /** Bytes. */
  readonly length: number;
  /** Bytes that SHA-1 is taken over, with the zeros that follow; absent where none is asked for. */
  readonly padded?: number;
  /** Level of its node above the leaves; absent where none is asked for. */
  readonly level?: number;
}

/** The recipe of piece `index`. */
export const recipeOf = (shape: Shape, index: number): PieceRecipe => {
  const length = pieceLength(shape, index);
  const padded = paddedLength(shape, index);
  if (shape.version === "v1") return { length, padded };
  const level = nodeLevel(shape.pieceLength, { length: shape.files[fileOf(shape, index)]?.length ?? 0 });
  return shape.version === "v2" ? { length, level } : { length, padded, level };
};

/** Begins the digest of a piece. */
export const beginDigest = (recipe: PieceRecipe, digests: Digests): PieceDigesting => {
  const beginSha1 = (padded: number) => {
    const state = digests.begin();
    return {
      update: state.update,
      sha1: (): Uint8Array => {
        for (let left = padded - recipe.length; left > 0; left -= LEAF_BLOCK) state.update(ZEROS.subarray(0, left));
        return state.digest();
      },
    };
  };
  const beginTree = (level: number) => {
    const leaves = new Uint8Array(Math.ceil(recipe.length / LEAF_BLOCK) * NODE_LENGTH);
    return {
      block: (block: number, bytes: Uint8Array) => leaves.set(digests.sha256(bytes), block * NODE_LENGTH),
      tree: () => ({ leaves, node: nodeOver(leaves, 0, level, digests.sha256) }),
    };
  };
  const whole = recipe.padded === undefined ? undefined : beginSha1(recipe.padded);
  const blocks = recipe.level === undefined ? undefined : beginTree(recipe.level);
  return {
    ...(blocks && { block: blocks.block }),
    ...(whole && { update: whole.update }),
    digest: () => ({ ...blocks?.tree(), ...(whole && { sha1: whole.sha1() }) }),
  };
};

/** The digest of a piece whose bytes are all there. */
const digestOf = (recipe: PieceRecipe, bytes: Uint8Array, digests: Digests): PieceDigest => {
  if (recipe.level === undefined && recipe.padded === recipe.length) return { sha1: digests.sha1(bytes) };
  const digesting = beginDigest(recipe, digests);
  feed(digesting, 0, bytes);
  return digesting.digest();
};

/** Digests for the pieces of a torrent of this shape. */
export const makePieceDigests = (shape: Shape, digests: Digests): PieceDigests => ({
  begin: (index) => beginDigest(recipeOf(shape, index), digests),
  of: (index, bytes) => digestOf(recipeOf(shape, index), bytes, digests),
});

/**
 * Tells the digests of pieces, in order, as their bytes are handed to the function that it gives, one after the other. Bytes may be cut where a piece ends and,
 * from its beginning, at multiples of 16 KiB.
 */
export const digestInOrder = (
  pieces: ReadonlyArray<PieceRecipe>,
  digests: Digests,
  onDigest: (position: number, digest: PieceDigest) => void,
): ((bytes: Uint8Array) => void) => {
  let position = 0;
  /** Bytes of the piece at `position` that came by. */
  let passed = 0;
  let started: PieceDigesting | undefined;

  const part = (piece: PieceRecipe, bytes: Uint8Array): void => {
    const ends = passed + bytes.length === piece.length;
    if (ends && started === undefined) onDigest(position, digestOf(piece, bytes, digests));
    else {
      started ??= beginDigest(piece, digests);
      feed(started, passed, bytes);
      if (ends) onDigest(position, started.digest());
    }
    passed += bytes.length;
    if (!ends) return;
    position += 1;
    passed = 0;
    started = undefined;
  };

  return (bytes) => {
    for (let from = 0; from < bytes.length;) {
      const piece = pieces[position];
      if (piece === undefined) throw new RangeError(`${bytes.length - from} bytes after the last of the pieces`);
      const to = Math.min(from + piece.length - passed, bytes.length);
      part(piece, bytes.subarray(from, to));
      from = to;
    }
  };
};

/** Bytes that are read together. */
export interface Reach {
  readonly offset: number;
  readonly length: number;
}

/** How the bytes of pieces are read, at most so many at a time: several pieces that follow one another, or part of one. */
export function* readsOf(
  pieces: Iterable<{ readonly offset: number; readonly length: number }>,
  most: number,
): Generator<Reach> {
  let [offset, length] = [0, 0];
  for (const piece of pieces) {
    if (length > 0 && (offset + length !== piece.offset || length + piece.length > most)) {
      yield { offset, length };
      length = 0;
    }
    if (length === 0) offset = piece.offset;
    length += piece.length;
    for (; length > most; offset += most, length -= most) yield { offset, length: most };
    // The rest of a piece that was cut is not read together with the next one.
    if (piece.length > most) {
      yield { offset, length };
      length = 0;
    }
  }
  if (length > 0) yield { offset, length };
}
