/** What is asked for without end: pieces that never run out, and a disk that never keeps anybody waiting. */
import { assert } from "@effect/vitest";
import { BLOCK_LENGTH } from "../../src/schema/block.ts";
import type { Assembler } from "../../src/streams/assembler/assembler.ts";
import type { Backlog } from "../../src/streams/assembler/backlog.ts";

/** Stands in for what a test has no use for. */
export const unused = (): never => assert.fail("not to be called");

/** A disk on which nothing waits. */
export const idleDisk: Backlog = { size: () => 0, emptied: () => 0 };

/** An assembler that always has another block to ask for. */
export const endless = (): Assembler => {
  let next = 0;
  return {
    reserve: (_peer, count, { out }) => {
      for (let i = 0; i < count; i++) out.push({ index: next++, begin: 0, length: BLOCK_LENGTH });
      return count;
    },
    reserveLate: unused,
    begin: unused,
    end: unused,
    giveBack: unused,
    leave: unused,
    runWritten: unused,
    written: unused,
    failed: unused,
    restore: unused,
    open: [],
    backlog: idleDisk,
    takeStarved: () => false,
    buffersUsed: () => 0,
    buffersCapacity: 1,
  };
};
