/**
 * Ranges of merkle trees with their proofs, as peers are sent them (BEP 52). What such hashes prove to who gets them is in pieceHashes.ts; who is sent what
 * is decided elsewhere. The digest comes from outside.
 *
 * Layers count from the leaves, 0; the root is the only node of the layer that is the tree's height.
 */
import { type HashRange, isRange, uncleCount } from "./hashRange.ts";
import { LEAF_BLOCK, levelsOver, NODE_LENGTH, padHash, type Sha256 } from "./merkle.ts";

/** The height of the tree of a file of `length` bytes; 0 where the root is the hash of its only block. */
export const treeHeight = (length: number): number => levelsOver(Math.ceil(length / LEAF_BLOCK));

/** Whether a tree of that height has the range, its pads included, and as many layers as are to be proven: none of the root itself. */
export const isWithin = (range: HashRange, height: number): boolean =>
  isRange(range) &&
  range.base < height &&
  range.index + range.length <= 2 ** (height - range.base) &&
  range.proofLayers < height - range.base;

/** The layer above, of whole pairs. */
const above = (nodes: Uint8Array, sha256: Sha256): Uint8Array => {
  const parents = new Uint8Array(nodes.length / 2);
  for (let at = 0; at < nodes.length; at += 2 * NODE_LENGTH)
    parents.set(sha256(nodes.subarray(at, at + 2 * NODE_LENGTH)), at / 2);
  return parents;
};

/** The nodes of a tree as far as they are known, pads included; undefined for those that are not, and outside the tree. */
export type Nodes = (layer: number, index: number) => Uint8Array | undefined;

/**
 * The nodes over one layer, given without those that lie wholly past the end; what is below is not known. The layers above are computed when they are
 * first asked for and kept: as many bytes again as the layer has.
 */
export const makeNodes = (options: {
  readonly layer: Uint8Array;
  readonly base: number;
  readonly height: number;
  readonly sha256: Sha256;
}): Nodes => {
  const { base, height, sha256 } = options;
  const layers = [options.layer];
  const pads = [padHash(base, sha256)];
  const grow = (): void => {
    const below = layers.at(-1) ?? options.layer;
    const pad = pads.at(-1) ?? padHash(base, sha256);
    const odd = (below.length / NODE_LENGTH) % 2 === 1;
    const pairs = new Uint8Array(below.length + (odd ? NODE_LENGTH : 0));
    pairs.set(below);
    if (odd) pairs.set(pad, below.length);
    layers.push(above(pairs, sha256));
    pads.push(padHash(base + pads.length, sha256));
  };
  return (layer, index) => {
    if (layer < base || layer > height || index >= 2 ** (height - layer)) return undefined;
    while (layers.length <= layer - base) grow();
    const at = index * NODE_LENGTH;
    const nodes = layers[layer - base];
    return nodes !== undefined && at < nodes.length ? nodes.subarray(at, at + NODE_LENGTH) : pads[layer - base];
  };
};

/** The hashes that answer a range; undefined when some of them are not known. */
export const hashesOf = (range: HashRange, nodes: Nodes): Uint8Array | undefined => {
  const uncles = uncleCount(range);
  const hashes = new Uint8Array((range.length + uncles) * NODE_LENGTH);
  const top = range.base + Math.log2(range.length);
  for (let i = 0; i < range.length + uncles; i++) {
    const up = i - range.length;
    const sibling = Math.floor(range.index / range.length / 2 ** up) ^ 1;
    const node = up < 0 ? nodes(range.base, range.index + i) : nodes(top + up, sibling);
    if (node === undefined) return undefined;
    hashes.set(node, i * NODE_LENGTH);
  }
  return hashes;
};
