/**
 * Merkle trees over SHA-256 as BEP 52 has them: leaves are the hashes of 16 KiB blocks, missing nodes are the pad of their level.
 * The digest comes from outside, this file computes nothing but trees.
 */

/** SHA-256 of `bytes`, 32 bytes. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;

/** Bytes of a node. */
export const NODE_LENGTH = 32;
/** Bytes of a leaf's block (BEP 52). */
export const LEAF_BLOCK = 16_384;

const parent = (left: Uint8Array, right: Uint8Array, sha256: Sha256): Uint8Array => {
  const pair = new Uint8Array(2 * NODE_LENGTH);
  pair.set(left, 0);
  pair.set(right, NODE_LENGTH);
  return sha256(pair);
};

/** The node over nothing, `level` levels above the leaves. */
export const padHash = (level: number, sha256: Sha256): Uint8Array => {
  let pad: Uint8Array = new Uint8Array(NODE_LENGTH);
  for (let i = 0; i < level; i++) pad = parent(pad, pad, sha256);
  return pad;
};

/** Levels from `count` nodes up to the one node over them: 2 to this power is `count`, rounded up. */
export const levelsOver = (count: number): number => Math.ceil(Math.log2(Math.max(1, count)));

/**
 * The node at level `top` over `nodes`, the concatenated nodes of `level` (0: the leaves) from the beginning of its subtree on, without those that lie
 * wholly past the end. `top` is so high that they have one node over them.
 */
export const nodeOver = (nodes: Uint8Array, level: number, top: number, sha256: Sha256): Uint8Array => {
  if (nodes.length === 0) return padHash(top, sha256);
  let below = nodes;
  let length = nodes.length;
  // One array for all levels: a node is written where no node is read any more.
  const above = new Uint8Array(Math.ceil(length / (2 * NODE_LENGTH)) * NODE_LENGTH);
  for (let at = level; at < top; at++) {
    for (let from = 0; from < length; from += 2 * NODE_LENGTH) {
      const pair = below.subarray(from, Math.min(from + 2 * NODE_LENGTH, length));
      const whole = pair.length === 2 * NODE_LENGTH;
      above.set(whole ? sha256(pair) : parent(pair, padHash(at, sha256), sha256), from / 2);
    }
    length = Math.ceil(length / (2 * NODE_LENGTH)) * NODE_LENGTH;
    below = above;
  }
  return below.subarray(0, NODE_LENGTH);
};

/**
 * The root over `layer`, the concatenated nodes of one level (0: the leaves) without those that lie wholly past the end.
 * A layer of no node has the pad as its root.
 */
export const layerRoot = (layer: Uint8Array, level: number, sha256: Sha256): Uint8Array =>
  nodeOver(layer, level, level + levelsOver(layer.length / NODE_LENGTH), sha256);

/**
 * The root over a node: the `index`-th of its level, and its uncles, the concatenated siblings of the nodes on the way up, lowest first (BEP 52,
 * `hashes`).
 */
export const rootAbove = (node: Uint8Array, index: number, uncles: Uint8Array, sha256: Sha256): Uint8Array => {
  let here = node;
  let at = index;
  for (let from = 0; from < uncles.length; from += NODE_LENGTH) {
    const uncle = uncles.subarray(from, from + NODE_LENGTH);
    here = at % 2 === 0 ? parent(here, uncle, sha256) : parent(uncle, here, sha256);
    at = Math.floor(at / 2);
  }
  return here;
};
