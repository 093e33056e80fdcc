/**
 * What can be asked for at once of the hashes of a torrent (BEP 52), and what is done with the answer: parts of 512 of the piece layers that are not known, as
 * after a magnet link's metadata; and the hashes of the blocks of a piece that failed, to tell who sent the wrong one. Of whom is decided in fetching.ts.
 */
import { blockCount, fileOf, piecesOf } from "../../schema/geometry.ts";
import { type HashRange, keyOf, MAX_ANSWERED, MAX_ASKED } from "../../schema/hashRange.ts";
import { levelsOver, NODE_LENGTH } from "../../schema/merkle.ts";
import { treeHeight } from "../../schema/merkleProof.ts";
import type { TorrentInfo } from "../../schema/metainfo.ts";
import { type LayerPart, nodeLevel, pieceLevel } from "../../schema/pieceHashes.ts";

/** What hashes are fetched for. */
export interface HashSubject {
  readonly info: TorrentInfo;
  /** Indices of the files whose layers are wanted, the most urgent first. */
  readonly files: ReadonlyArray<number>;
  /** Takes in part of a layer; false when it does not prove right. */
  readonly learnLayer: (file: number, part: LayerPart) => boolean;
}

/** Something to ask for. Mutable; only the fetching changes it. */
export interface Part {
  readonly range: HashRange;
  readonly key: string;
  /** The pieces of the torrent that it is about. */
  readonly pieces: { readonly first: number; readonly last: number };
  /** Takes in the answer; false when it does not prove right. */
  readonly learn: (hashes: Uint8Array) => boolean;
  /** When it was asked of somebody last, in milliseconds of the monotonic clock. */
  askedAt: number;
  /** The answer proved right. */
  done: boolean;
}

/** The parts of the piece layer of a file. */
export const partsOf = (subject: HashSubject, index: number): ReadonlyArray<Part> => {
  const { info } = subject;
  const file = info.files[index];
  const pieces = file === undefined ? undefined : piecesOf(info, file);
  if (file?.piecesRoot === undefined || pieces === undefined || pieces.first === pieces.last) return [];
  const { piecesRoot } = file;
  const count = pieces.last - pieces.first + 1;
  const base = pieceLevel(info.pieceLength);
  const proofLayers = treeHeight(file.length) - base - 1;
  const parts: Array<Part> = [];
  for (let first = 0; first < count; first += MAX_ASKED) {
    const length = Math.max(2, 2 ** levelsOver(Math.min(MAX_ASKED, count - first)));
    const range: HashRange = { root: piecesRoot, base, index: first, length, proofLayers };
    const last = Math.min(pieces.last, pieces.first + first + length - 1);
    parts.push({
      range,
      key: keyOf(range),
      pieces: { first: pieces.first + first, last },
      learn: (hashes) =>
        subject.learnLayer(index, {
          first,
          nodes: hashes.subarray(0, length * NODE_LENGTH),
          uncles: hashes.subarray(length * NODE_LENGTH),
        }),
      askedAt: -Infinity,
      done: false,
    });
  }
  return parts;
};

/** The blocks of a piece; nothing where its node is the hash of its only block, or it has more than can be asked for. */
export const blocksOf = (
  subject: HashSubject,
  piece: number,
  learn: (hashes: Uint8Array) => boolean,
): Part | undefined => {
  const { info } = subject;
  const file = info.files[fileOf(info, piece)];
  const pieces = file === undefined ? undefined : piecesOf(info, file);
  if (file?.piecesRoot === undefined || pieces === undefined) return undefined;
  const length = 2 ** nodeLevel(info.pieceLength, file);
  if (length < 2 || length > MAX_ANSWERED) return undefined;
  // The node over them is known: no proof is needed.
  const index = (piece - pieces.first) * length;
  const range: HashRange = { root: file.piecesRoot, base: 0, index, length, proofLayers: 0 };
  const blocks = blockCount(info, piece) * NODE_LENGTH;
  return {
    range,
    key: keyOf(range),
    pieces: { first: piece, last: piece },
    learn: (hashes) => learn(hashes.subarray(0, blocks)),
    askedAt: -Infinity,
    done: false,
  };
};
