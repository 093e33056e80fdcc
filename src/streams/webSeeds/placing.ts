/**
 * Puts the bytes of a run where its blocks belong as they come in from a web seed, and keeps what is still awaited. It knows no HTTP.
 *
 * State: the blocks of one connection's present run; `close` gives back what did not come.
 */
import { BLOCK_LENGTH, type BlockSpan } from "../../schema/block.ts";
import type { Assembler, Filled } from "../assembler/assembler.ts";
import { beginOf, indexOf, keyOf } from "../assembler/blockKey.ts";
import type { Contributor } from "../assembler/openPiece.ts";

/** A run stalled for this long may be asked of peers, in milliseconds. */
const STALLED = 500;
/** Likewise the rest of a run that takes so much longer at its present pace, in milliseconds. */
const SLOW = 2_000;

/** One connection's blocks. */
export interface Placing {
  readonly contributor: Contributor;
  /** These are asked for now; their bytes come in this order. */
  readonly begin: (blocks: ReadonlyArray<BlockSpan>) => void;
  /** The bytes that come next are those of this run of blocks. */
  readonly next: (blocks: ReadonlyArray<BlockSpan>) => void;
  /** Takes the next bytes of it; false when nothing is awaited any more. */
  readonly push: (bytes: Uint8Array) => boolean;
  /** Whether any of these blocks is awaited. */
  readonly awaits: (blocks: ReadonlyArray<BlockSpan>) => boolean;
  /** Gives back what did not come. */
  readonly close: () => void;
}

/** What the connection is told of. */
export interface PlacingOptions {
  readonly assembler: Assembler;
  readonly slot: number;
  /** The seed, for blame. */
  readonly address: string;
  readonly now: () => number;
  /** A block is complete; `useful` or not. */
  readonly arrived: (length: number, useful: boolean) => void;
  /** Runs that are full. */
  readonly filled: (runs: Array<Filled>) => void;
}

/** Nothing is awaited. */
export const makePlacing = (options: PlacingOptions): Placing => {
  const { assembler, now } = options;
  const awaited = new Set<number>();
  let run: ReadonlyArray<BlockSpan> = [];
  let at = 0;
  let within = 0;
  let target: Uint8Array | undefined;
  let full: Array<Filled> = [];
  let beganAt = 0;
  let heardAt = 0;
  let placed = 0;

  const contributor: Contributor = {
    slot: options.slot,
    address: options.address,
    cancel: (index, begin) => void awaited.delete(keyOf(index, begin)),
    isLate: () => {
      const pace = placed / Math.max(now() - beganAt, 1);
      return now() - heardAt > STALLED && awaited.size * BLOCK_LENGTH > pace * SLOW;
    },
  };

  const finish = (block: BlockSpan): void => {
    const wasAwaited = awaited.delete(keyOf(block.index, block.begin));
    const useful = target !== undefined && assembler.end(contributor, block, full);
    if (wasAwaited && !useful) assembler.giveBack(contributor, block.index, block.begin);
    placed += block.length;
    target = undefined;
    options.arrived(block.length, useful);
  };

  return {
    contributor,
    begin: (blocks) => {
      for (const { index, begin } of blocks) awaited.add(keyOf(index, begin));
      beganAt = now();
      heardAt = beganAt;
      placed = 0;
    },
    next: (blocks) => {
      run = blocks;
      at = 0;
      within = 0;
    },
    push: (bytes) => {
      heardAt = now();
      let from = 0;
      while (from < bytes.length) {
        const block = run[at];
        if (block === undefined) break;
        const { index, begin, length } = block;
        if (within === 0)
          target = awaited.has(keyOf(index, begin)) ? assembler.begin(contributor, index, begin, length) : undefined;
        const part = Math.min(length - within, bytes.length - from);
        target?.set(bytes.subarray(from, from + part), within);
        within += part;
        from += part;
        if (within < length) break;
        finish(block);
        within = 0;
        at++;
      }
      if (full.length > 0) {
        options.filled(full);
        full = [];
      }
      return awaited.size > 0;
    },
    awaits: (blocks) => blocks.some(({ index, begin }) => awaited.has(keyOf(index, begin))),
    close: () => {
      assembler.leave(contributor);
      target = undefined;
      run = [];
      for (const key of awaited) assembler.giveBack(contributor, indexOf(key), beginOf(key));
      awaited.clear();
    },
  };
};
