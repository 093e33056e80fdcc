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

/**
 * The root over `layer`, the concatenated nodes of one level (0: the leaves) without those that lie wholly past the end.
 * A layer of no node has the pad as its root.
 */
export const layerRoot = (layer: Uint8Array, level: number, sha256: Sha256): Uint8Array => {
  let pad = padHash(level, sha256);
  let nodes = layer;
  while (nodes.length > NODE_LENGTH) {
    const above = new Uint8Array(Math.ceil(nodes.length / (2 * NODE_LENGTH)) * NODE_LENGTH);
    for (let at = 0; at < nodes.length; at += 2 * NODE_LENGTH) {
      const pair = nodes.subarray(at, at + 2 * NODE_LENGTH);
      const whole = pair.length === 2 * NODE_LENGTH;
      above.set(whole ? sha256(pair) : parent(pair, pad, sha256), at / 2);
    }
    nodes = above;
    pad = parent(pad, pad, sha256);
  }
  return nodes.length === NODE_LENGTH ? nodes : pad;
};
