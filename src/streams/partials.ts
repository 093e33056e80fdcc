/**
 * Pieces under way across runs: their blocks are written out at an orderly stop and read back at the next start. They count for nothing
 * but themselves: a piece is verified as a whole when it is complete.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Bitfield from "../schema/bitfield.ts";
import type { StorageError } from "../schema/errors/StorageError.ts";
import { blockCount, pieceLength, pieceOffset } from "../schema/geometry.ts";
import type { PartialPiece } from "../schema/resume.ts";
import { BLOCK_LENGTH } from "../schema/block.ts";
import { type OpenPiece, runBytes, THERE } from "./assembler/openPiece.ts";
import { monotonicMillis } from "../services/time.ts";
import type { Torrent } from "./torrent.ts";

/** The blocks of a piece that are there, as runs of block numbers. */
function* runsThere(piece: OpenPiece): Generator<readonly [first: number, end: number]> {
  for (let block = 0; block < piece.blockCount; block++) {
    if (piece.state[block] !== THERE) continue;
    const first = block;
    while (block < piece.blockCount && piece.state[block] === THERE) block++;
    yield [first, block];
  }
}

/** Milliseconds for which writes are begun: a stop does not wait for a slow disk, and what is not kept is fetched again. */
const MOST_TIME = 600;

/** Writes out what is there of the pieces under way, as much as a disk that is not slow has time for, and names it. Pieces longer than a run are not kept. */
export const keepPartials = Effect.fnUntraced(function* (
  torrent: Torrent,
): Effect.fn.Return<ReadonlyArray<PartialPiece>, StorageError> {
  const kept: Array<PartialPiece> = [];
  const clock = yield* Clock.Clock;
  const end = monotonicMillis(clock) + MOST_TIME;
  for (const piece of torrent.assembler.open) {
    if (monotonicMillis(clock) > end) break;
    const bytes = runBytes(piece, 0);
    if (piece.runCount > 1 || piece.there === piece.padded || bytes === undefined) continue;
    const blocks = Bitfield.make(piece.blockCount);
    for (const [first, end] of runsThere(piece)) {
      const from = first * BLOCK_LENGTH;
      const to = Math.min(end * BLOCK_LENGTH, piece.length);
      yield* torrent.storage.write(pieceOffset(torrent.info, piece.index) + from, bytes.subarray(from, to));
      for (let block = first; block < end; block++) Bitfield.set(blocks, block);
    }
    kept.push({ index: piece.index, blocks });
  }
  return kept;
});

/** Whether all blocks of a kept piece are there: then it only has to be verified. */
export const isFull = (torrent: Pick<Torrent, "info">, { index, blocks }: PartialPiece): boolean =>
  Bitfield.count(blocks) === blockCount(torrent.info, index);

/** Opens the kept pieces again with what is on disk of them; one that does not fit or cannot be read is fetched whole. */
export const restorePartials = Effect.fnUntraced(function* (torrent: Torrent, partials: ReadonlyArray<PartialPiece>) {
  for (const { index, blocks } of partials) {
    if (torrent.table.have(index) || !torrent.table.wanted(index) || !torrent.hashes.isKnown(index)) continue;
    const length = pieceLength(torrent.info, index);
    const bytes = new Uint8Array(length);
    const start = pieceOffset(torrent.info, index);
    const read = Effect.gen(function* () {
      for (let block = 0; block * BLOCK_LENGTH < length; block++) {
        if (!Bitfield.has(blocks, block)) continue;
        const from = block * BLOCK_LENGTH;
        yield* torrent.storage.read(start + from, bytes.subarray(from, Math.min(from + BLOCK_LENGTH, length)));
      }
      torrent.assembler.restore(index, (block) => Bitfield.has(blocks, block), bytes);
    });
    yield* Effect.ignore(read);
  }
});
