/**
 * One piece that is being fetched: which of its blocks are free, asked for or there, from whom they came, and its digest so far.
 * A piece of up to one run's length is held whole; a longer one is cut into runs that are written as they fill.
 * It does not choose blocks and owns no pool: the assembler does.
 */
import type { PieceDigesting } from "../../services/pieceDigest.ts";
import type { PeerSlot } from "../../services/Picker/Picker.ts";
import { BLOCK_LENGTH } from "../../schema/block.ts";

/** A peer as the assembler sees it. */
export interface Contributor {
  readonly slot: PeerSlot;
  /** `address:port`, for blame. */
  readonly address: string;
  /** Somebody else delivered a block that this peer was asked for as well. */
  readonly cancel: (index: number, begin: number, length: number) => void;
  /** Whether the peer has kept us waiting for this block so long that another may be asked too. */
  readonly isLate: (index: number, begin: number) => boolean;
}

/** A block that nobody was asked for. */
export const FREE = 0;
/** A block that one or two peers were asked for. */
export const ASKED = 1;
/** A block that is there. */
export const THERE = 2;

/** A piece under way. Mutable on purpose; only the assembler changes it. */
export interface OpenPiece {
  readonly index: number;
  /** Bytes. */
  readonly length: number;
  readonly blockCount: number;
  readonly runCount: number;
  /** Blocks per run. */
  readonly runBlocks: number;
  /** FREE, ASKED or THERE for each block. */
  readonly state: Uint8Array;
  /** Who was asked first, by block. */
  readonly asked: Array<Contributor | undefined>;
  /** Who was asked as well (end-game), by block. */
  readonly askedToo: Array<Contributor | undefined>;
  /** Whose payload is being copied into the run's buffer right now, by block. */
  readonly writing: Array<Contributor | undefined>;
  /** Whose block it is, by block; absent for what was on disk already. */
  readonly from: Array<Contributor | undefined>;
  /** One buffer a run; absent before its first block and after it was handed on. */
  readonly buffers: Array<Uint8Array | undefined>;
  /** Blocks still missing, by run. */
  readonly runLeft: Uint16Array;
  digest: PieceDigesting;
  /** Whether a block is nothing but padding (BEP 47). */
  readonly isPad: (block: number) => boolean;
  /** Blocks that were filled in as padding. */
  padded: number;
  /** Blocks from the beginning that are in the digest, as far as it needs them in order. */
  hashed: number;
  free: number;
  there: number;
  /** No block before this one is free. */
  cursor: number;
  /** Runs that were written to disk (of a piece of several runs). */
  runsWritten: number;
  /** Who was asked last of a piece on parole: as long as it is asked for anything of it, nobody else is. */
  sole: Contributor | undefined;
  /** The piece failed before and its culprit is sought: `sole` applies. */
  parole: boolean;
}

/** Length of block `block` of a piece of `length` bytes. */
export const blockLength = (length: number, block: number): number =>
  Math.min(BLOCK_LENGTH, length - block * BLOCK_LENGTH);

/** Whether nobody is asked for any of the piece. */
export const isIdle = (piece: OpenPiece): boolean => piece.free + piece.there === piece.blockCount;

/** A piece with all blocks free. */
export const makeOpenPiece = (options: {
  readonly index: number;
  readonly length: number;
  readonly runLength: number;
  readonly digest: PieceDigesting;
  readonly parole: boolean;
  readonly isPad: (block: number) => boolean;
}): OpenPiece => {
  const blockCount = Math.ceil(options.length / BLOCK_LENGTH);
  const runBlocks = Math.ceil(options.runLength / BLOCK_LENGTH);
  const runCount = Math.ceil(blockCount / runBlocks);
  const runLeft = new Uint16Array(runCount).fill(runBlocks);
  runLeft[runCount - 1] = blockCount - (runCount - 1) * runBlocks;
  return {
    index: options.index,
    length: options.length,
    blockCount,
    runCount,
    runBlocks,
    state: new Uint8Array(blockCount),
    asked: Array.from({ length: blockCount }),
    askedToo: [],
    writing: [],
    from: Array.from({ length: blockCount }),
    buffers: Array.from({ length: runCount }),
    runLeft,
    digest: options.digest,
    isPad: options.isPad,
    padded: 0,
    hashed: 0,
    free: blockCount,
    there: 0,
    cursor: 0,
    runsWritten: 0,
    sole: undefined,
    parole: options.parole,
  };
};

/** The bytes of block `block` in its run's buffer; none when the buffer isn't there. */
export const blockBytes = (piece: OpenPiece, block: number): Uint8Array | undefined => {
  const buffer = piece.buffers[Math.floor(block / piece.runBlocks)];
  if (buffer === undefined) return undefined;
  const at = (block % piece.runBlocks) * BLOCK_LENGTH;
  return buffer.subarray(at, at + blockLength(piece.length, block));
};

/**
 * Fills in the padding of a run whose buffer has just been taken. A run of nothing else keeps one block to be asked for, with which it completes as any
 * other does.
 */
export const fillPads = (piece: OpenPiece, run: number): void => {
  const first = run * piece.runBlocks;
  const end = Math.min(first + piece.runBlocks, piece.blockCount);
  let left = piece.runLeft[run] ?? 0;
  for (let block = first; block < end && left > 1; block++) {
    if (piece.state[block] !== FREE || !piece.isPad(block)) continue;
    blockBytes(piece, block)?.fill(0);
    piece.state[block] = THERE;
    piece.free--;
    piece.there++;
    piece.padded++;
    left--;
  }
  piece.runLeft[run] = left;
};

/** The bytes of run `run`: what it covers of the piece, in its buffer. */
export const runBytes = (piece: OpenPiece, run: number): Uint8Array | undefined => {
  const begin = run * piece.runBlocks * BLOCK_LENGTH;
  return piece.buffers[run]?.subarray(0, Math.min(piece.runBlocks * BLOCK_LENGTH, piece.length - begin));
};

/** Blocks in order that are hashed together: few enough to be in the cache still, and a call to the hash for each is dear. */
const HASHED_AT_ONCE = 8;

/**
 * Adds a block that is there, and still in cache, to the digest: at once what needs no order, and what has become contiguous from the beginning, several
 * blocks at a time. `runLeft` must count it already.
 */
export const digestBlock = (piece: OpenPiece, block: number): void => {
  if (piece.digest.block !== undefined) {
    const bytes = blockBytes(piece, block);
    if (bytes !== undefined) piece.digest.block(block, bytes);
  }
  if (piece.digest.update === undefined || piece.state[piece.hashed] !== THERE) return;
  const due = block - piece.hashed >= HASHED_AT_ONCE - 1 || piece.runLeft[Math.floor(block / piece.runBlocks)] === 0;
  if (due) advanceDigest(piece, piece.digest.update);
};

/** Adds to the digest what has become contiguous from the beginning and is still in memory. */
const advanceDigest = (piece: OpenPiece, update: (bytes: Uint8Array) => void): void => {
  while (piece.hashed < piece.blockCount) {
    const run = Math.floor(piece.hashed / piece.runBlocks);
    const buffer = piece.buffers[run];
    if (buffer === undefined) return;
    const last = Math.min((run + 1) * piece.runBlocks, piece.blockCount);
    let end = piece.hashed;
    while (end < last && piece.state[end] === THERE) end++;
    if (end === piece.hashed) return;
    const base = run * piece.runBlocks;
    const stop = Math.min(end * BLOCK_LENGTH, piece.length) - base * BLOCK_LENGTH;
    update(buffer.subarray((piece.hashed - base) * BLOCK_LENGTH, stop));
    piece.hashed = end;
  }
};

/** Fills a piece of one run, whose buffer has just been taken, with those of its `bytes` that were on disk. */
export const refill = (piece: OpenPiece, there: (block: number) => boolean, bytes: Uint8Array): void => {
  piece.buffers[0]?.set(bytes);
  for (let block = 0; block < piece.blockCount; block++) {
    if (!there(block) || piece.state[block] === THERE) continue;
    piece.state[block] = THERE;
    piece.free--;
    piece.there++;
    piece.runLeft[0] = (piece.runLeft[0] ?? 0) - 1;
    digestBlock(piece, block);
  }
};

/** Makes the `wrong` blocks (in order) of a full piece of one run free again; the others stay, and go into a digest that has taken nothing yet. */
export const freeAgain = (piece: OpenPiece, wrong: ReadonlyArray<number>, digest: PieceDigesting): void => {
  for (const block of wrong) {
    piece.state[block] = FREE;
    piece.from[block] = undefined;
  }
  piece.free = wrong.length;
  piece.there -= wrong.length;
  piece.runLeft[0] = wrong.length;
  piece.cursor = wrong[0] ?? 0;
  piece.digest = digest;
  piece.hashed = 0;
  for (let block = 0; block < piece.blockCount; block++) if (piece.state[block] === THERE) digestBlock(piece, block);
};
