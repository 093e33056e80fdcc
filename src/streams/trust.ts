/**
 * Which pieces of a record are to be believed, and which have to be hashed. Pure: it is given what the record
 * says and what is on disk.
 *
 * A piece is believed when each of its files holds its bytes, none of them was modified after the record (after the record's interval, if the run did not
 * end in order and something was left to write), and the piece was synced or the machine has not rebooted since. Pieces in a file that fails this are hashed,
 * as is what was recorded and is not believed; pieces in files that are not there, or end before them, are missing. What was written between the last record
 * and an unclean end is in no record, but on disk: pieces of the files modified since then are worth a look.
 */
import * as Bitfield from "../schema/bitfield.ts";
import { blockCount, blockLength, fileSpans, pieceLength, pieceOffset, piecesOf } from "../schema/geometry.ts";
import type { TorrentInfo } from "../schema/metainfo.ts";
import type { PartialPiece, ResumeRecord } from "../schema/resume.ts";
import { BLOCK_LENGTH } from "../schema/block.ts";
import type { FileState } from "../services/Storage/Storage.ts";

/** What the rule looks at. */
export interface Evidence {
  readonly info: TorrentInfo;
  /** What is on disk, file by file. */
  readonly states: ReadonlyArray<FileState>;
  readonly record: ResumeRecord | undefined;
  /** The machine's boot id now. */
  readonly bootId: string;
  /** Milliseconds between two records. */
  readonly recordInterval: number;
}

/** What follows from it. */
export interface Verdict {
  /** Bits of the pieces that are believed. */
  readonly trusted: Uint8Array;
  /** Bits of the pieces that have to be hashed to know. */
  readonly suspects: Uint8Array;
  /** Bits of other pieces that may have been written after the last record; most of them were not. */
  readonly chances: Uint8Array;
  readonly partial: ReadonlyArray<PartialPiece>;
}

/** What is needed to know what the files hold. */
type Holding = Pick<Evidence, "info" | "states">;

/** Whether all bytes of a range are within what the files hold; pads count as held. */
const isHeld = ({ info, states }: Holding, offset: number, length: number): boolean =>
  fileSpans(info.files, offset, length).every((span) => (states[span.file]?.size ?? 0) >= span.offset + span.length);

const pieceIsHeld = (holding: Holding, index: number): boolean =>
  isHeld(holding, pieceOffset(holding.info, index), pieceLength(holding.info, index));

/** Bits of the pieces all of whose bytes are within what the files hold. */
export const heldPieces = (holding: Holding): Uint8Array => {
  const { pieceCount } = holding.info;
  const held = Bitfield.make(pieceCount);
  if (holding.states.every(({ size }) => size === 0)) return held;
  for (let index = 0; index < pieceCount; index++) if (pieceIsHeld(holding, index)) Bitfield.set(held, index);
  return held;
};

/** Everything that is there is suspect. */
export const trustNothing = (evidence: Evidence): Verdict => {
  const none = Bitfield.make(evidence.info.pieceCount);
  return { trusted: none, suspects: heldPieces(evidence), chances: none, partial: [] };
};

/** Bits of the pieces in the files that `applies` to. */
const piecesIn = ({ info, states }: Evidence, applies: (state: FileState, length: number) => boolean): Uint8Array => {
  const bits = Bitfield.make(info.pieceCount);
  info.files.forEach((file, index) => {
    const state = states[index];
    const range = file.pad ? undefined : piecesOf(info, file);
    if (state === undefined || range === undefined || !applies(state, file.length)) return;
    for (let piece = range.first; piece <= range.last; piece++) Bitfield.set(bits, piece);
  });
  return bits;
};

/** Pieces in files that are not as the record left them. */
const doubtful = (evidence: Evidence, record: ResumeRecord): Uint8Array => {
  // Where all was complete nothing was left to write, whether the record was the last or not.
  const isLast = record.clean || record.complete;
  const latest = isLast ? record.time : record.time + evidence.recordInterval;
  // The clock of records counts whole milliseconds, that of files parts of them.
  return piecesIn(evidence, ({ modified, size }, length) => Math.floor(modified) > latest || size > length);
};

/** Pieces in files that were written to after a record that was not the run's last word. */
const writtenSince = (evidence: Evidence, record: ResumeRecord): Uint8Array =>
  piecesIn(evidence, ({ exists, modified }) => !record.clean && exists && modified >= record.time);

/** Judges a record by what is on disk. */
export const judge = (evidence: Evidence): Verdict => {
  const { info, record, bootId } = evidence;
  if (record === undefined || record.pieceCount !== info.pieceCount) return trustNothing(evidence);
  const sameBoot = record.bootId === bootId;
  const doubt = doubtful(evidence, record);
  const trusted = Bitfield.make(info.pieceCount);
  const suspects = Bitfield.make(info.pieceCount);
  const chances = writtenSince(evidence, record);
  for (let index = 0; index < info.pieceCount; index++) {
    const recorded = Bitfield.has(record.written, index);
    const doubted = Bitfield.has(doubt, index);
    const held = pieceIsHeld(evidence, index);
    if (recorded || doubted || !held) Bitfield.unset(chances, index);
    if ((!recorded && !doubted) || !held) continue;
    const kept = recorded && !doubted && (sameBoot || Bitfield.has(record.synced, index));
    Bitfield.set(kept ? trusted : suspects, index);
  }
  // Blocks have no hashes of their own: they are only worth keeping when nothing speaks against them.
  const partial = record.partial.filter(
    ({ index, blocks }) =>
      (record.clean || sameBoot) &&
      !Bitfield.has(record.written, index) &&
      !Bitfield.has(doubt, index) &&
      blocksAreHeld(evidence, index, blocks),
  );
  return { trusted, suspects, chances, partial };
};

const blocksAreHeld = (evidence: Evidence, index: number, blocks: Uint8Array): boolean => {
  const { info } = evidence;
  const count = blockCount(info, index);
  if (!Bitfield.fits(blocks, count)) return false;
  for (let block = 0; block < count; block++) {
    const begin = block * BLOCK_LENGTH;
    const held = isHeld(evidence, pieceOffset(info, index) + begin, blockLength(info, index, begin));
    if (Bitfield.has(blocks, block) && !held) return false;
  }
  return true;
};
