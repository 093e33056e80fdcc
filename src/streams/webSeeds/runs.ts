/**
 * Which blocks to ask a web seed for next: what is left of pieces under way, else a gap among the missing pieces, as long a run of neighbours as the
 * connection can use, because each request costs a round trip. The assembler assigns them; nothing is kept here.
 */
import * as Bitfield from "../../schema/bitfield.ts";
import { BLOCK_LENGTH, type BlockSpan } from "../../schema/block.ts";
import type { Contributor } from "../assembler/openPiece.ts";
import type { Torrent } from "../torrent.ts";

/** What is to be assigned. */
export interface RunOptions {
  readonly contributor: Contributor;
  /** Blocks at the most. */
  readonly count: number;
  /** Pieces in order rather than the longest gap. */
  readonly sequential: boolean;
  /** Blocks of one piece only (BEP 17). */
  readonly single: boolean;
  /** Blocks that a peer keeps us waiting for may be taken where there is nothing else. */
  readonly late: boolean;
}

/** The first piece of the longest run of missing pieces that the seed has and nobody fetches; -1 when there is none. */
const longestGap = ({ table }: Torrent, slot: number, opened: ReadonlySet<number>): number => {
  let best = -1;
  let bestLength = 0;
  let length = 0;
  for (let index = 0; index < table.pieceCount; index++) {
    const free = table.wanted(index) && !table.have(index) && !opened.has(index) && table.hasPiece(slot, index);
    length = free ? length + 1 : 0;
    if (length <= bestLength) continue;
    bestLength = length;
    best = index - length + 1;
  }
  return best;
};

/** Assigns blocks to the contributor and gives them in order of their place in the torrent. */
export const takeRun = (torrent: Torrent, options: RunOptions): ReadonlyArray<BlockSpan> => {
  const { assembler, table } = torrent;
  const { contributor, count } = options;
  const out: Array<BlockSpan> = [];
  const among = Bitfield.make(table.pieceCount);
  const opened = new Set<number>();
  for (const piece of assembler.open) {
    opened.add(piece.index);
    if (piece.free > 0) Bitfield.set(among, piece.index);
  }
  if (opened.size > 0) {
    assembler.reserve(contributor, 1, { out, among });
    among.fill(0);
  }
  let index = out[0]?.index ?? -1;
  if (index < 0 && table.unopened() > 0)
    index = options.sequential ? table.choose(contributor.slot) : longestGap(torrent, contributor.slot, opened);
  if (index < 0) {
    if (options.late) assembler.reserveLate(contributor, count, out);
    return out.sort((a, b) => a.index - b.index || a.begin - b.begin);
  }
  const isFree = (next: number): boolean =>
    next < table.pieceCount && table.wanted(next) && !table.have(next) && !opened.has(next);
  do {
    Bitfield.set(among, index);
    const got = assembler.reserve(contributor, count - out.length, { out, among });
    Bitfield.unset(among, index);
    if (got === 0) break;
    index++;
  } while (!options.single && out.length < count && isFree(index));
  return out;
};

/** Cuts blocks, in order, into runs without a gap; with `byPiece` into those of one piece, gaps and all. */
export const segmentsOf = (
  blocks: ReadonlyArray<BlockSpan>,
  pieceLength: number,
  byPiece: boolean,
): ReadonlyArray<ReadonlyArray<BlockSpan>> => {
  const segments: Array<Array<BlockSpan>> = [];
  let last: BlockSpan | undefined;
  for (const block of blocks) {
    const follows =
      last !== undefined &&
      (byPiece
        ? block.index === last.index
        : block.index * pieceLength + block.begin === last.index * pieceLength + last.begin + last.length);
    if (follows) segments.at(-1)?.push(block);
    else segments.push([block]);
    last = block;
  }
  return segments;
};

/** Blocks that fit in `bytes`. */
export const blocksIn = (bytes: number): number => Math.floor(bytes / BLOCK_LENGTH);
