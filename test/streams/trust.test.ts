import { assert, describe, it } from "@effect/vitest";
import * as Bitfield from "../../src/schema/bitfield.ts";
import type { ResumeRecord } from "../../src/schema/resume.ts";
import type { FileState } from "../../src/services/Storage/Storage.ts";
import { judge, trustNothing } from "../../src/streams/trust.ts";
import { torrentOf } from "./disk.ts";

// Pieces of 16: 0 and 1 in a, 2 in a and b, 3 in b, 4 in b and c.
const { info } = torrentOf([{ length: 40 }, { length: 32 }, { length: 8 }]);
const TIME = 1_000_000;
const INTERVAL = 5_000;

const bits = (...indices: ReadonlyArray<number>): Uint8Array => {
  const set = Bitfield.make(info.pieceCount);
  for (const index of indices) Bitfield.set(set, index);
  return set;
};
const indices = (set: Uint8Array): ReadonlyArray<number> =>
  Array.from({ length: info.pieceCount }, (_, index) => index).filter((index) => Bitfield.has(set, index));

const file = (size: number, modified = TIME): FileState => ({ exists: true, size, modified });
const gone: FileState = { exists: false, size: 0, modified: 0 };
const whole = [file(40), file(32), file(8)];
const record: ResumeRecord = {
  version: 1,
  time: TIME,
  bootId: "this boot",
  clean: true,
  complete: false,
  pieceCount: info.pieceCount,
  written: bits(0, 1, 2, 3),
  synced: bits(0, 1, 2, 3),
  partial: [{ index: 4, blocks: Uint8Array.of(0x80) }],
  downloaded: 0,
  uploaded: 0,
};

interface Case {
  readonly name: string;
  readonly record?: Partial<ResumeRecord>;
  readonly states?: ReadonlyArray<FileState>;
  readonly bootId?: string;
  readonly trusted: ReadonlyArray<number>;
  readonly suspects: ReadonlyArray<number>;
  /** None unless said. */
  readonly chances?: ReadonlyArray<number>;
  readonly partial: ReadonlyArray<number>;
}
const unclean = { clean: false, synced: bits(0, 3) };

const cases: ReadonlyArray<Case> = [
  { name: "believes a clean record that fits", trusted: [0, 1, 2, 3], suspects: [], partial: [4] },
  { name: "believes it after a reboot too", bootId: "next boot", trusted: [0, 1, 2, 3], suspects: [], partial: [4] },
  {
    name: "believes an unclean record of this boot",
    record: unclean,
    trusted: [0, 1, 2, 3],
    suspects: [],
    chances: [4],
    partial: [4],
  },
  {
    name: "believes an unclean record of another boot in what was synced, and hashes the rest",
    record: unclean,
    bootId: "next boot",
    trusted: [0, 3],
    suspects: [1, 2],
    chances: [4],
    partial: [],
  },
  {
    name: "hashes the pieces of a file that changed after a clean end",
    states: [file(40), file(32, TIME + 1), file(8)],
    trusted: [0, 1],
    suspects: [2, 3, 4],
    partial: [],
  },
  {
    name: "hashes the pieces of a file that changed after everything was complete, synced or not",
    record: { ...unclean, complete: true, written: bits(0, 1, 2, 3, 4), partial: [] },
    states: [file(40), file(32, TIME + 1), file(8)],
    trusted: [0, 1],
    suspects: [2, 3, 4],
    partial: [],
  },
  {
    name: "allows the interval after an unclean end",
    record: unclean,
    states: [file(40, TIME + INTERVAL), file(32, TIME + INTERVAL + 0.9), file(8)],
    trusted: [0, 1, 2, 3],
    suspects: [],
    chances: [4],
    partial: [4],
  },
  {
    name: "looks at what is in no record in files that were written to before an unclean end",
    record: { ...unclean, written: bits(0), partial: [] },
    states: [file(40), file(32, TIME + 1), file(8, TIME - 1)],
    trusted: [0],
    suspects: [],
    chances: [1, 2, 3, 4],
    partial: [],
  },
  {
    name: "looks at nothing in files that were left alone since the record",
    record: { ...unclean, written: bits(0), partial: [] },
    states: [file(40, TIME - 1), file(32, TIME - 1), file(8, TIME - 1)],
    trusted: [0],
    suspects: [],
    partial: [],
  },
  {
    name: "allows no more than the interval",
    record: unclean,
    states: [file(40, TIME + INTERVAL + 1), file(32), file(8)],
    trusted: [3],
    suspects: [0, 1, 2],
    chances: [4],
    partial: [4],
  },
  {
    name: "misses what was cut off, without hashing what cannot be whole",
    states: [file(20), file(32), file(8)],
    trusted: [0, 3],
    suspects: [],
    partial: [4],
  },
  {
    name: "misses the pieces of a file that is not there",
    states: [file(40), gone, file(8)],
    trusted: [0, 1],
    suspects: [],
    partial: [],
  },
  {
    name: "hashes the pieces of a file that is too long",
    states: [file(41), file(32), file(8)],
    trusted: [3],
    suspects: [0, 1, 2],
    partial: [4],
  },
  {
    name: "drops partial pieces whose blocks do not fit, or that are had",
    record: {
      partial: [
        { index: 4, blocks: Uint8Array.of(0xc0) },
        { index: 0, blocks: Uint8Array.of(0x80) },
      ],
    },
    trusted: [0, 1, 2, 3],
    suspects: [],
    partial: [],
  },
  {
    name: "does not believe a record of another shape",
    record: { pieceCount: 4 },
    trusted: [],
    suspects: [0, 1, 2, 3, 4],
    partial: [],
  },
];

describe("trust", () => {
  for (const { name, record: change, states = whole, bootId = "this boot", ...expected } of cases) {
    it(`${name} (table)`, () => {
      const evidence = { info, states, record: { ...record, ...change }, bootId, recordInterval: INTERVAL };
      const verdict = judge(evidence);
      assert.deepStrictEqual(
        {
          trusted: indices(verdict.trusted),
          suspects: indices(verdict.suspects),
          chances: indices(verdict.chances),
          partial: verdict.partial.map(({ index }) => index),
        },
        { chances: [], ...expected },
      );
    });
  }

  it("without a record, suspects what is there", () => {
    const evidence = {
      info,
      states: [file(40), gone, file(8)],
      record: undefined,
      bootId: "",
      recordInterval: INTERVAL,
    };
    for (const verdict of [judge(evidence), trustNothing({ ...evidence, record })]) {
      assert.deepStrictEqual(indices(verdict.suspects), [0, 1]);
      assert.deepStrictEqual(indices(verdict.trusted), []);
    }
  });
});
