/**
 * The hashes that the pieces of a torrent must have, as far as they are known, and the judgement of a piece by them: SHA-1 (`pieces`, BEP 3), nodes of the
 * merkle trees of files (`pieces root` and `piece layers`, BEP 52), or both in a hybrid. It hashes no payload: digests come from outside.
 *
 * State: of v2 hashes one array of 32 bytes a piece for all files together, whatever the number of files, and one bit a piece that says whether it is known.
 */
import * as Bitfield from "./bitfield.ts";
import { fileOf, piecesOf, blockCount } from "./geometry.ts";
import { LEAF_BLOCK, levelsOver, NODE_LENGTH, nodeOver, rootAbove, type Sha256 } from "./merkle.ts";
import type { TorrentFile, TorrentInfo } from "./metainfo.ts";
import * as Hex from "effect/encoding/Hex";

/** Bytes of a SHA-1 in `pieces`. */
export const PIECE_HASH_LENGTH = 20;

/** What was computed of a piece: all that its torrent has hashes for. */
export interface PieceDigest {
  /** SHA-1 of the piece with the zeros that follow it, 20 bytes; absent in v2-only torrents. */
  readonly sha1?: Uint8Array;
  /** The piece's node in the tree of its file, 32 bytes; absent in v1. */
  readonly node?: Uint8Array;
  /** SHA-256 of each of its blocks, 32 bytes each; absent in v1, and where only the node was kept. */
  readonly leaves?: Uint8Array;
}

/** What is to be thought of a piece. */
export type Verdict =
  | { readonly _tag: "Verified" }
  /** `blocks`: which of its blocks are wrong, where their hashes are known. */
  | { readonly _tag: "Corrupt"; readonly blocks?: ReadonlyArray<number> }
  /** Nothing to judge it by yet: the piece layer of its file has not been learnt. */
  | { readonly _tag: "HashesMissing" }
  /** A hybrid's piece that is right by one of its hashes and wrong by the other: no data can ever satisfy both. */
  | { readonly _tag: "Contradiction" };

/** Nodes of the piece layer of a file, and what proves them. */
export interface LayerPart {
  /** Which piece of the file, counted from its first, the nodes begin with: a multiple of their number rounded up to a power of two. */
  readonly first: number;
  /** Concatenated, 32 bytes each; those past the end of the file may be left out or be pads. */
  readonly nodes: Uint8Array;
  /** Siblings on the way from the node over them to the root, lowest first, concatenated; absent for all of a layer. */
  readonly uncles?: Uint8Array;
}

/** The hashes of one torrent. */
export interface PieceHashes {
  /** Whether piece `index` can be judged: by SHA-1 alone where a hybrid's tree is not known. */
  readonly isKnown: (index: number) => boolean;
  readonly judge: (index: number, digest: PieceDigest) => Verdict;
  /** Pieces whose node is not known. */
  readonly missing: () => number;
  /** Indices of the files, in order, whose piece layer is not wholly known. */
  readonly incomplete: () => ReadonlyArray<number>;
  /**
   * Takes in part of the piece layer of file `file` if it proves to be right by the file's root, for all files with this root. Returns the pieces
   * that can be judged now and could not before, in order; none at all when the proof fails.
   */
  readonly learnLayer: (file: number, part: LayerPart) => ReadonlyArray<number> | undefined;
  /** The known nodes of the piece layer of file `file`: a view, 32 bytes a piece; absent while one is unknown. One node, the root, for a file of one piece. */
  readonly layerOf: (file: number) => Uint8Array | undefined;
  /** Takes in the hashes of the blocks of piece `index` if they prove to be right; from then on a verdict on it names blocks, until `forgetLeaves`. */
  readonly learnLeaves: (index: number, leaves: Uint8Array) => boolean;
  readonly forgetLeaves: (index: number) => void;
  /** All nodes as they are kept between runs, unknown ones as zeros; empty where there are none. A view. */
  readonly saved: () => Uint8Array;
}

/** Pieces whose block hashes are kept at once; a piece of 16 MiB has 32 KiB of them. */
const MAX_LEAVES = 64;

const NOTHING = new Uint8Array(0);

/** Whether the hashes at the places of two arrays are the same. */
const sameAt = (a: Uint8Array, at: number, b: Uint8Array, bt: number, length: number): boolean => {
  for (let i = 0; i < length; i++) if (a[at + i] === undefined || a[at + i] !== b[bt + i]) return false;
  return true;
};

/** Levels from the leaves of a tree to the piece layer. */
export const pieceLevel = (pieceLength: number): number => Math.log2(pieceLength / LEAF_BLOCK);

/** Levels from the leaves to the node that stands for a piece of `file`: the piece layer, or the root of a file that is no longer than a piece (BEP 52). */
export const nodeLevel = (pieceLength: number, file: Pick<TorrentFile, "length">): number =>
  Math.min(pieceLevel(pieceLength), levelsOver(Math.ceil(file.length / LEAF_BLOCK)));

/** The hashes of a torrent, with what `layers` (by root in hex, checked) knows of its piece layers. */
export const makePieceHashes = (
  info: TorrentInfo,
  sha256: Sha256,
  layers: ReadonlyMap<string, Uint8Array> = new Map(),
): PieceHashes => {
  const { pieceCount, pieceLength, version } = info;
  const hasTrees = version !== "v1";
  const nodes = hasTrees ? new Uint8Array(pieceCount * NODE_LENGTH) : NOTHING;
  const known = Bitfield.make(hasTrees ? pieceCount : 0);
  const leavesOf = new Map<number, Uint8Array>();
  let missing = hasTrees ? pieceCount : 0;
  /** Files by root in hex; made when something is to be learnt. */
  let twins: Map<string, Array<number>> | undefined;

  const enter = (at: number, from: Uint8Array): Array<number> => {
    const gained: Array<number> = [];
    for (let index = at; index < at + from.length / NODE_LENGTH; index++) {
      if (Bitfield.has(known, index)) continue;
      const begin = (index - at) * NODE_LENGTH;
      nodes.set(from.subarray(begin, begin + NODE_LENGTH), index * NODE_LENGTH);
      Bitfield.set(known, index);
      missing--;
      gained.push(index);
    }
    return gained;
  };

  if (hasTrees) {
    for (const file of info.files) {
      const range = piecesOf(info, file);
      if (file.piecesRoot === undefined || range === undefined) continue;
      const layer = range.first === range.last ? file.piecesRoot : layers.get(Hex.encode(file.piecesRoot));
      if (layer?.length === (range.last - range.first + 1) * NODE_LENGTH) enter(range.first, layer);
    }
  }

  const twinsOf = (root: Uint8Array): ReadonlyArray<number> => {
    if (twins === undefined) {
      twins = new Map();
      for (const [index, { length, piecesRoot }] of info.files.entries()) {
        if (piecesRoot === undefined || length <= pieceLength) continue;
        const hex = Hex.encode(piecesRoot);
        const same = twins.get(hex);
        if (same === undefined) twins.set(hex, [index]);
        else same.push(index);
      }
    }
    return twins.get(Hex.encode(root)) ?? [];
  };

  const isProven = (root: Uint8Array, count: number, { first, nodes: part, uncles = NOTHING }: LayerPart): boolean => {
    const span = 2 ** levelsOver(part.length / NODE_LENGTH);
    if (part.length === 0 || part.length % NODE_LENGTH !== 0 || uncles.length % NODE_LENGTH !== 0) return false;
    // The proof has to lead up to the root: a node of another level must never pass for one of this.
    if (!Number.isInteger(first) || first < 0 || first % span !== 0 || first >= count) return false;
    if (levelsOver(span) + uncles.length / NODE_LENGTH !== levelsOver(count)) return false;
    const level = pieceLevel(pieceLength);
    const over = nodeOver(part, level, level + levelsOver(span), sha256);
    return sameAt(rootAbove(over, first / span, uncles, sha256), 0, root, 0, NODE_LENGTH);
  };

  const isRight = (index: number, node: Uint8Array | undefined): boolean =>
    node !== undefined && sameAt(node, 0, nodes, index * NODE_LENGTH, NODE_LENGTH);

  const corrupt = (index: number, leaves: Uint8Array | undefined): Verdict => {
    const right = leavesOf.get(index);
    if (right === undefined || leaves === undefined) return { _tag: "Corrupt" };
    const blocks: Array<number> = [];
    for (let at = 0; at < right.length; at += NODE_LENGTH)
      if (!sameAt(right, at, leaves, at, NODE_LENGTH)) blocks.push(at / NODE_LENGTH);
    return { _tag: "Corrupt", blocks };
  };

  const isKnown = (index: number): boolean => Bitfield.has(known, index);

  return {
    isKnown: (index) => version !== "v2" || isKnown(index),
    judge: (index, { leaves, node, sha1 }) => {
      const byTree = isKnown(index) ? isRight(index, node) : undefined;
      const at = index * PIECE_HASH_LENGTH;
      const bySha1 = version === "v2" ? undefined : sha1 && sameAt(sha1, 0, info.pieces, at, PIECE_HASH_LENGTH);
      if (byTree === undefined && bySha1 === undefined) return { _tag: "HashesMissing" };
      if (byTree !== false && bySha1 !== false) return { _tag: "Verified" };
      if (byTree === true || bySha1 === true) return { _tag: "Contradiction" };
      return corrupt(index, leaves);
    },
    missing: () => missing,
    incomplete: () =>
      info.files.flatMap((file, index) => {
        const range = file.piecesRoot === undefined ? undefined : piecesOf(info, file);
        for (let piece = range?.first ?? 0; piece <= (range?.last ?? -1); piece++) if (!isKnown(piece)) return [index];
        return [];
      }),
    learnLayer: (file, part) => {
      const root = info.files[file]?.piecesRoot;
      const range = info.files[file] && piecesOf(info, info.files[file]);
      if (root === undefined || range === undefined) return undefined;
      const count = range.last - range.first + 1;
      if (!isProven(root, count, part)) return undefined;
      const inside = part.nodes.subarray(0, (count - part.first) * NODE_LENGTH);
      return twinsOf(root).flatMap((twin) => {
        const own = info.files[twin] && piecesOf(info, info.files[twin]);
        return own === undefined ? [] : enter(own.first + part.first, inside);
      });
    },
    layerOf: (file) => {
      const range = info.files[file] && piecesOf(info, info.files[file]);
      if (range === undefined) return undefined;
      for (let index = range.first; index <= range.last; index++) if (!isKnown(index)) return undefined;
      return nodes.subarray(range.first * NODE_LENGTH, (range.last + 1) * NODE_LENGTH);
    },
    learnLeaves: (index, leaves) => {
      const file = info.files[fileOf(info, index)];
      if (!isKnown(index) || file === undefined || leaves.length !== blockCount(info, index) * NODE_LENGTH)
        return false;
      if (!isRight(index, nodeOver(leaves, 0, nodeLevel(pieceLength, file), sha256))) return false;
      for (const oldest of leavesOf.keys()) {
        if (leavesOf.size < MAX_LEAVES) break;
        leavesOf.delete(oldest);
      }
      leavesOf.set(index, leaves.slice());
      return true;
    },
    forgetLeaves: (index) => void leavesOf.delete(index),
    saved: () => nodes,
  };
};
