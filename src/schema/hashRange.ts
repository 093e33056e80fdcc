/**
 * What the messages about hashes speak of (BEP 52): a run of nodes in one layer of a file's merkle tree, with the proof that is asked for. Bytes only;
 * what a run means for a file of some length is in merkleProof.ts, whether hashes fit in pieceHashes.ts.
 */
import * as Hex from "effect/encoding/Hex";
import { NODE_LENGTH } from "./merkle.ts";

/** A run of nodes. */
export interface HashRange {
  /** Root of the file's tree, 32 bytes. */
  readonly root: Uint8Array;
  /** The layer, counted from the leaves. */
  readonly base: number;
  /** The first node of the run in its layer, and how many. */
  readonly index: number;
  readonly length: number;
  /** Layers above `base` of which proof is wanted. */
  readonly proofLayers: number;
}

/** Bytes of a range in a message. */
export const RANGE_LENGTH = NODE_LENGTH + 16;

/** Nodes that may be asked of others at once (BEP 52). */
export const MAX_ASKED = 512;
/** Nodes that others may ask of us at once, as libtorrent lets them. */
export const MAX_ANSWERED = 8192;

/** Layers of proof that are taken: those of any file that can be. */
const MAX_PROOF_LAYERS = 48;

/** Bytes of a range and its hashes at the most. */
export const MAX_HASHES = RANGE_LENGTH + (MAX_ANSWERED + MAX_PROOF_LAYERS) * NODE_LENGTH;

/** Hashes that prove a run: those of its own tree are not sent, for its nodes give them. */
export const uncleCount = ({ length, proofLayers }: Pick<HashRange, "length" | "proofLayers">): number =>
  Math.max(0, proofLayers - (Math.log2(length) - 1));

/** Whether any file can have such a run, and anybody may ask for it: a power of two of nodes, from 2 on, at a multiple of it. */
export const isRange = ({ index, length, proofLayers }: HashRange): boolean =>
  length >= 2 &&
  length <= MAX_ANSWERED &&
  Number.isInteger(Math.log2(length)) &&
  index % length === 0 &&
  proofLayers <= MAX_PROOF_LAYERS;

/** Text that two ranges share only if they are the same. */
export const keyOf = ({ root, base, index, length, proofLayers }: HashRange): string =>
  `${Hex.encode(root)} ${base} ${index} ${length} ${proofLayers}`;

/** Writes a range to `at`. Numbers are taken modulo their field's width. */
export const putRange = (to: Uint8Array, at: number, range: HashRange): void => {
  to.set(range.root.subarray(0, NODE_LENGTH), at);
  const view = new DataView(to.buffer, to.byteOffset + at + NODE_LENGTH);
  view.setUint32(0, range.base);
  view.setUint32(4, range.index);
  view.setUint32(8, range.length);
  view.setUint32(12, range.proofLayers);
};

/** Reads the range that `bytes` begin with; at least `RANGE_LENGTH` of them. The root is a view. */
export const readRange = (bytes: Uint8Array): HashRange => {
  const view = new DataView(bytes.buffer, bytes.byteOffset + NODE_LENGTH);
  return {
    root: bytes.subarray(0, NODE_LENGTH),
    base: view.getUint32(0),
    index: view.getUint32(4),
    length: view.getUint32(8),
    proofLayers: view.getUint32(12),
  };
};

/** Whether as many hashes as `bytes` has follow a range that asks for so many. */
export const isAnswered = (range: HashRange, bytes: number): boolean =>
  isRange(range) && bytes === (range.length + uncleCount(range)) * NODE_LENGTH;
