/**
 * An assembler with the real piece table, and peers that deliver to it block by block, for tests of the assembler alone. Buffers are overwritten when they
 * go back to the pool, so that whoever still uses one is found out.
 */
import { assert } from "@effect/vitest";
import { createHash, hash } from "node:crypto";
import * as Bitfield from "../../src/schema/bitfield.ts";
import { BLOCK_LENGTH, type BlockSpan } from "../../src/schema/block.ts";
import { levelsOver, NODE_LENGTH } from "../../src/schema/merkle.ts";
import { beginDigest } from "../../src/services/pieceDigest.ts";
import { makeTable } from "../../src/services/Picker/table.ts";
import { type Filled, makeAssembler } from "../../src/streams/assembler/assembler.ts";
import type { OpenPiecesOptions } from "../../src/streams/assembler/openPieces.ts";
import { type Buffers, makeBuffers } from "../../src/streams/buffers.ts";
import { type Contributor, type OpenPiece, runBytes } from "../../src/streams/assembler/openPiece.ts";

/** What buffers hold after they were given back. */
const POISON = 0xdb;

/** SHA-1 as the pipeline's hasher does it. */
export const hasher = {
  begin: () => {
    const state = createHash("sha1");
    return { update: (bytes: Uint8Array) => void state.update(bytes), digest: () => Uint8Array.from(state.digest()) };
  },
  sha1: (bytes: Uint8Array) => hash("sha1", bytes, "buffer"),
  sha256: (bytes: Uint8Array) => hash("sha256", bytes, "buffer"),
};

const poisoned = (inner: Buffers): Buffers => {
  const free = new Set<Uint8Array>();
  return {
    ...inner,
    take: () => {
      const buffer = inner.take();
      if (buffer !== undefined) free.delete(buffer);
      return buffer;
    },
    give: (buffer) => {
      assert.isFalse(free.has(buffer), "a buffer was given back twice");
      free.add(buffer);
      buffer.fill(POISON);
      inner.give(buffer);
    },
  };
};

/** What an assembler of these tests is made for. */
export interface AssemblingOptions {
  readonly pieceCount: number;
  /** Of all pieces but the last. */
  readonly pieceLength: number;
  readonly lastLength?: number;
  readonly runLength?: number;
  readonly buffers?: number;
  readonly seed?: number;
  readonly suspect?: OpenPiecesOptions["suspect"];
  readonly isPad?: OpenPiecesOptions["isPad"];
  /** The hashes of blocks are known, as they may be in a hybrid: of a piece of one run only wrong blocks are fetched again. */
  readonly leaves?: boolean;
}

/** A peer as the assembler sees it, and what it was asked and told to forget. */
export interface TestPeer extends Contributor {
  /** Whether its requests count as late. */
  late: boolean;
  /** Waiting requests by `index:begin`. */
  readonly waiting: Map<string, BlockSpan>;
  readonly cancelled: Array<BlockSpan>;
}

const keyOf = (index: number, begin: number): string => `${index}:${begin}`;

/** An assembler, its table, and the bytes that its peers deliver. */
export const makeAssembling = (options: AssemblingOptions) => {
  const {
    pieceCount,
    pieceLength,
    lastLength = pieceLength,
    runLength = pieceLength,
    buffers: capacity = 16,
  } = options;
  const lengthOf = (index: number): number => (index === pieceCount - 1 ? lastLength : pieceLength);
  const content = Array.from({ length: pieceCount }, (_, index) =>
    Uint8Array.from({ length: lengthOf(index) }, (_, at) =>
      options.isPad?.(index, Math.floor(at / BLOCK_LENGTH)) === true ? 0 : (at * 31 + index * 17 + (at >>> 8)) & 0x7f,
    ),
  );
  const table = makeTable(
    { pieceCount, order: "rarest", wanted: Bitfield.full(pieceCount), have: Bitfield.make(pieceCount) },
    options.seed ?? 1,
  );
  const buffers = poisoned(makeBuffers(runLength, capacity));
  const assembler = makeAssembler({
    table,
    beginDigest: (index) => {
      const length = lengthOf(index);
      const level = levelsOver(Math.ceil(length / BLOCK_LENGTH));
      return beginDigest({ length, padded: length, ...(options.leaves === true && { level }) }, hasher);
    },
    buffers,
    pieceLength: lengthOf,
    runLength,
    suspect: options.suspect ?? (() => false),
    isPad: options.isPad,
  });
  const filled: Array<Filled> = [];
  /** What is on disk, by piece. */
  const disk = content.map((bytes) => new Uint8Array(bytes.length));

  const peer = (has?: ReadonlyArray<number>): TestPeer => {
    const slot = table.addPeer();
    if (has === undefined) table.peerHasAll(slot);
    else for (const index of has) table.peerHas(slot, index);
    const waiting = new Map<string, BlockSpan>();
    const cancelled: Array<BlockSpan> = [];
    const made: TestPeer = {
      slot,
      address: `10.0.0.${slot}:1`,
      late: false,
      waiting,
      cancelled,
      cancel: (index, begin, length) => {
        if (waiting.delete(keyOf(index, begin))) cancelled.push({ index, begin, length });
      },
      isLate: () => made.late,
    };
    return made;
  };
  const note = (to: TestPeer, blocks: ReadonlyArray<BlockSpan>): ReadonlyArray<BlockSpan> => {
    for (const block of blocks) {
      assert.isFalse(to.waiting.has(keyOf(block.index, block.begin)), "asked twice of one peer");
      to.waiting.set(keyOf(block.index, block.begin), block);
    }
    return blocks;
  };
  const reserve = (to: TestPeer, count: number, among?: Uint8Array): ReadonlyArray<BlockSpan> => {
    const out: Array<BlockSpan> = [];
    assert.strictEqual(assembler.reserve(to, count, { out, among }), out.length);
    return note(to, out);
  };
  const reserveLate = (to: TestPeer, count: number): ReadonlyArray<BlockSpan> => {
    const out: Array<BlockSpan> = [];
    assert.strictEqual(assembler.reserveLate(to, count, out), out.length);
    return note(to, out);
  };
  const bytesOf = ({ index, begin, length }: BlockSpan): Uint8Array =>
    content[index]?.subarray(begin, begin + length) ?? new Uint8Array(0);
  const begin = (from: TestPeer, block: BlockSpan): Uint8Array | undefined =>
    assembler.begin(from, block.index, block.begin, block.length);
  const end = (from: TestPeer, block: BlockSpan): boolean => {
    const wanted = assembler.end(from, block, filled);
    if (from.waiting.delete(keyOf(block.index, block.begin)) && !wanted)
      assembler.giveBack(from, block.index, block.begin);
    return wanted;
  };
  /** The whole of a block at once; whether it was of use. */
  const deliver = (from: TestPeer, block: BlockSpan, bytes = bytesOf(block)): boolean => {
    const target = begin(from, block);
    if (target === undefined) {
      if (from.waiting.delete(keyOf(block.index, block.begin))) assembler.giveBack(from, block.index, block.begin);
      return false;
    }
    target.set(bytes);
    return end(from, block);
  };
  const giveBack = (from: TestPeer, block: BlockSpan): void => {
    from.waiting.delete(keyOf(block.index, block.begin));
    assembler.giveBack(from, block.index, block.begin);
  };
  const leave = (who: TestPeer): void => {
    for (const block of [...who.waiting.values()]) giveBack(who, block);
    assembler.leave(who);
    table.removePeer(who.slot);
  };
  /** Whether the piece is right by its digest, and which blocks are wrong by theirs; absent where there are none. */
  const judge = ({ blockCount, digest, index }: OpenPiece) => {
    const { leaves, sha1 } = digest.digest();
    const right = content[index] ?? new Uint8Array(0);
    const isWrong = (block: number): boolean => {
      const own = Buffer.from(leaves?.subarray(block * NODE_LENGTH, (block + 1) * NODE_LENGTH) ?? []);
      return !own.equals(hasher.sha256(right.subarray(block * BLOCK_LENGTH, (block + 1) * BLOCK_LENGTH)));
    };
    return {
      good: Buffer.from(sha1 ?? []).equals(hasher.sha1(right)),
      wrong: leaves && Array.from({ length: blockCount }, (_, block) => block).filter(isWrong),
    };
  };
  /** Does to a full run what streams/pieces.ts does; gives the piece when it is whole, and whether it is right. */
  const store = ({ piece, run }: Filled): { readonly piece: OpenPiece; readonly good: boolean } | undefined => {
    const bytes = runBytes(piece, run);
    assert.isDefined(bytes);
    disk[piece.index]?.set(bytes, run * piece.runBlocks * BLOCK_LENGTH);
    if (piece.runCount > 1) {
      assembler.runWritten(piece, run);
      if (piece.runsWritten < piece.runCount) return undefined;
      piece.digest.update?.(disk[piece.index]?.subarray(piece.hashed * BLOCK_LENGTH) ?? new Uint8Array(0));
    }
    const { good, wrong } = judge(piece);
    if (wrong !== undefined) assert.strictEqual(wrong.length === 0, good, "the two digests contradict each other");
    if (good) assembler.written(piece);
    else assembler.failed(piece, piece.runCount === 1 ? wrong : undefined);
    return { piece, good };
  };
  const isRight = (index: number): boolean =>
    Buffer.from(disk[index] ?? []).equals(content[index] ?? new Uint8Array(0));
  /** Stores all that is full; the pieces that became whole. */
  const storeAll = () => filled.splice(0).flatMap((one) => store(one) ?? []);

  return {
    assembler,
    table,
    buffers,
    content,
    disk,
    filled,
    peer,
    reserve,
    reserveLate,
    bytesOf,
    begin,
    end,
    deliver,
    giveBack,
    leave,
    /** Whether piece `index` is on disk as it should be. */
    isRight,
    store,
    storeAll,
  };
};

/** Blocks as `piece/block`, sorted. */
export const blockNames = (blocks: Iterable<BlockSpan>): ReadonlyArray<string> =>
  Array.from(blocks, ({ index, begin }) => `${index}/${begin / BLOCK_LENGTH}`).sort();
