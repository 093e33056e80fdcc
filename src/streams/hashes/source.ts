/**
 * The hashes that a peer may be sent (BEP 52): of piece layers what is known of them, of blocks those of pieces that are on disk, which are hashed for the
 * purpose. Who may ask, and how often, is decided in serving.ts.
 *
 * State: the upper layers of the trees that were asked of last, bounded, in this closure.
 */
import * as Effect from "effect/Effect";
import * as Hex from "effect/encoding/Hex";
import { isSame } from "../../schema/bytes.ts";
import type { StorageError } from "../../schema/errors/StorageError.ts";
import { blockCount, pieceLength, pieceOffset, piecesOf } from "../../schema/geometry.ts";
import type { HashRange } from "../../schema/hashRange.ts";
import { LEAF_BLOCK, NODE_LENGTH, type Sha256 } from "../../schema/merkle.ts";
import { hashesOf, isWithin, makeNodes, type Nodes, treeHeight } from "../../schema/merkleProof.ts";
import { nodeLevel, pieceLevel } from "../../schema/pieceHashes.ts";
import type { Torrent } from "../torrent.ts";

/** Trees whose upper layers are kept: one is asked of in many parts, one after the other. */
const MAX_TREES = 4;
/** Bytes of a piece that are read at once. */
const READ_LENGTH = 64 * LEAF_BLOCK;

/** Where the answer to a request is. */
export type Answer =
  | { readonly _tag: "Known"; readonly hashes: Uint8Array }
  /** The hashes of the blocks of this piece are needed; `complete` makes the answer of them, none where they are not those of the piece. */
  | {
      readonly _tag: "OnDisk";
      readonly piece: number;
      readonly complete: (leaves: Uint8Array) => Uint8Array | undefined;
    };

/** The hashes that we can give. */
export interface HashSource {
  /** Nothing where no file has the range, or we do not have its hashes. */
  readonly find: (range: HashRange) => Answer | undefined;
  /** Reads a piece that we have and hashes its blocks. */
  readonly leavesOf: (piece: number) => Effect.Effect<Uint8Array, StorageError>;
}

/** The hashes of one torrent of v2. */
export const makeHashSource = (
  { hashes, info, storage, table }: Pick<Torrent, "hashes" | "info" | "storage" | "table">,
  sha256: Sha256,
): HashSource => {
  /** One file of each root; made when the first is asked for. */
  let files: Map<string, number> | undefined;
  /** By file, the one asked for last at the end. */
  const trees = new Map<number, Nodes>();

  const fileOf = (root: Uint8Array): number | undefined => {
    files ??= new Map(
      info.files.flatMap(({ piecesRoot }, index) =>
        piecesRoot === undefined ? [] : [[Hex.encode(piecesRoot), index] as const],
      ),
    );
    return files.get(Hex.encode(root));
  };

  /** From the layer of pieces up; for a file of one piece that is its root alone. */
  const upperNodes = (file: number, height: number, base: number): Nodes | undefined => {
    const kept = trees.get(file);
    trees.delete(file);
    const layer = kept === undefined ? hashes.layerOf(file) : undefined;
    const nodes = kept ?? (layer && makeNodes({ layer, base, height, sha256 }));
    if (nodes !== undefined) trees.set(file, nodes);
    const [oldest] = trees.keys();
    if (trees.size > MAX_TREES && oldest !== undefined) trees.delete(oldest);
    return nodes;
  };

  return {
    find: (range) => {
      const index = fileOf(range.root);
      const file = index === undefined ? undefined : info.files[index];
      if (index === undefined || file === undefined) return undefined;
      const pieces = piecesOf(info, file);
      const height = treeHeight(file.length);
      if (pieces === undefined || !isWithin(range, height)) return undefined;
      const level = nodeLevel(info.pieceLength, file);
      const upper = upperNodes(index, height, level);
      if (upper === undefined) return undefined;
      if (range.base === pieceLevel(info.pieceLength)) {
        const known = hashesOf(range, upper);
        return known && { _tag: "Known", hashes: known };
      }
      // Of blocks, the hashes of one piece at a time: no more than that is read for a message.
      const inFile = Math.floor(range.index / 2 ** level);
      const piece = pieces.first + inFile;
      const inOne = Math.floor((range.index + range.length - 1) / 2 ** level) === inFile;
      if (range.base !== 0 || !inOne || piece > pieces.last || !table.have(piece)) return undefined;
      return {
        _tag: "OnDisk",
        piece,
        complete: (leaves) => {
          const lower = makeNodes({ layer: leaves, base: 0, height: level, sha256 });
          const [found, right] = [lower(level, 0), upper(level, inFile)];
          // Who is sent hashes of what has changed on disk would take us for a liar.
          if (found === undefined || right === undefined || !isSame(found, right)) return undefined;
          return hashesOf(range, (layer, at) =>
            layer < level ? lower(layer, at - inFile * 2 ** (level - layer)) : upper(layer, at),
          );
        },
      };
    },
    leavesOf: Effect.fnUntraced(function* (piece) {
      const leaves = new Uint8Array(blockCount(info, piece) * NODE_LENGTH);
      const length = pieceLength(info, piece);
      for (let from = 0; from < length; from += READ_LENGTH) {
        const bytes = new Uint8Array(Math.min(READ_LENGTH, length - from));
        yield* storage.read(pieceOffset(info, piece) + from, bytes);
        for (let at = 0; at < bytes.length; at += LEAF_BLOCK)
          leaves.set(sha256(bytes.subarray(at, at + LEAF_BLOCK)), ((from + at) / LEAF_BLOCK) * NODE_LENGTH);
      }
      return leaves;
    }),
  };
};
