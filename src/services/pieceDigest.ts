/**
 * Digests of pieces, made while their bytes come by: SHA-1 over the whole (v1), the hashes of blocks and the tree over them (v2), both for a hybrid. It judges
 * nothing: schema/pieceHashes.ts does. Synchronous, as the Hasher is.
 */
import { blockCount, fileOf, paddedLength, pieceLength, type Shape } from "../schema/geometry.ts";
import { LEAF_BLOCK, NODE_LENGTH, nodeOver } from "../schema/merkle.ts";
import { nodeLevel, type PieceDigest } from "../schema/pieceHashes.ts";
import type { Hasher } from "./Hasher.ts";

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

/** Digests for the pieces of a torrent of this shape. */
export const makePieceDigests = (shape: Shape, hasher: Hasher["Service"]): PieceDigests => {
  const beginSha1 = (index: number) => {
    const state = hasher.begin();
    return {
      update: state.update,
      sha1: (): Uint8Array => {
        for (let left = paddedLength(shape, index) - pieceLength(shape, index); left > 0; left -= LEAF_BLOCK)
          state.update(ZEROS.subarray(0, left));
        return state.digest();
      },
    };
  };
  const beginTree = (index: number) => {
    const leaves = new Uint8Array(blockCount(shape, index) * NODE_LENGTH);
    const length = shape.files[fileOf(shape, index)]?.length ?? 0;
    return {
      block: (block: number, bytes: Uint8Array) => leaves.set(hasher.sha256(bytes), block * NODE_LENGTH),
      tree: () => ({ leaves, node: nodeOver(leaves, 0, nodeLevel(shape.pieceLength, { length }), hasher.sha256) }),
    };
  };

  const begin = (index: number): PieceDigesting => {
    if (shape.version === "v1") {
      const { sha1, update } = beginSha1(index);
      return { update, digest: () => ({ sha1: sha1() }) };
    }
    const { block, tree } = beginTree(index);
    if (shape.version === "v2") return { block, digest: tree };
    const { sha1, update } = beginSha1(index);
    return { block, update, digest: () => ({ ...tree(), sha1: sha1() }) };
  };

  return {
    begin,
    of: (index, bytes) => {
      if (shape.version === "v1") return { sha1: hasher.sha1(bytes) };
      const digesting = begin(index);
      feed(digesting, 0, bytes);
      return digesting.digest();
    },
  };
};
