import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber } from "effect";
import { DiskFault } from "../../../src/services/Storage/errno.ts";
import { type Move, moveAll, type Run } from "../../../src/services/Storage/filesMoves.ts";

const file = (slot: number) => ({ slot, path: `file-${slot}`, fd: slot });

const runs = (count: number): ReadonlyArray<Run> =>
  Array.from({ length: count }, (_, slot) => ({ slot, bytes: new Uint8Array(10), position: slot * 100 }));

const fault = (path: string) => new DiskFault({ code: "ENOSPC", path, cause: undefined });

/** Moves that end when they are told to, in the order of their beginning. */
const inHand = () => {
  const begun: Array<{ readonly slot: number; readonly end: Parameters<Move>[2] }> = [];
  const move: Move = (_, { slot }, end) => void begun.push({ slot, end });
  return { begun, move };
};

describe("moveAll", () => {
  it.effect("moves all at once what ends at once, and tells where the last byte of each went", () =>
    Effect.gen(function* () {
      const ends: Array<number> = [];
      const move: Move = (_, { bytes }, ended) => ended(bytes.length);
      const moved = yield* moveAll(move, runs(1000), file, (_, end) => ends.push(end));
      assert.strictEqual(moved, 1000);
      assert.deepStrictEqual(
        ends,
        runs(1000).map(({ position }) => position + 10),
      );
    }),
  );

  it.effect("moves nothing of nothing", () =>
    Effect.map(
      moveAll(inHand().move, [], file, () => undefined),
      (moved) => assert.strictEqual(moved, 0),
    ),
  );

  it.effect("has few under way, and begins the next when one ends", () =>
    Effect.gen(function* () {
      const { begun, move } = inHand();
      const fiber = yield* Effect.forkChild(
        moveAll(move, runs(10), file, () => undefined),
        { startImmediately: true },
      );
      assert.lengthOf(begun, 8);
      begun[3]?.end(10);
      assert.lengthOf(begun, 9);
      for (const { end } of begun.filter((_, nth) => nth !== 3)) end(10);
      begun[9]?.end(10);
      assert.strictEqual(yield* Fiber.join(fiber), 10);
    }),
  );

  it.effect("stops where there is no file, and ends when those before are moved", () =>
    Effect.gen(function* () {
      const { begun, move } = inHand();
      const free: Array<string> = [];
      const fiber = yield* Effect.forkChild(
        moveAll(
          move,
          runs(5),
          (slot) => (slot === 3 ? undefined : file(slot)),
          ({ path }) => free.push(path),
        ),
        { startImmediately: true },
      );
      assert.deepStrictEqual(
        begun.map(({ slot }) => slot),
        [0, 1, 2],
      );
      begun[2]?.end(10);
      begun[0]?.end(10);
      assert.isUndefined(fiber.pollUnsafe());
      begun[1]?.end(10);
      assert.strictEqual(yield* Fiber.join(fiber), 3);
      assert.deepStrictEqual(free, ["file-2", "file-0", "file-1"]);
    }),
  );

  it.effect("begins nothing after a failure, and fails when all that began has ended", () =>
    Effect.gen(function* () {
      const { begun, move } = inHand();
      const ends: Array<number> = [];
      const fiber = yield* Effect.forkChild(Effect.flip(moveAll(move, runs(20), file, (_, end) => ends.push(end))), {
        startImmediately: true,
      });
      begun[1]?.end(4, fault("file-1"));
      assert.lengthOf(begun, 8);
      for (const { end } of begun.filter((_, nth) => nth !== 1)) end(10);
      assert.strictEqual((yield* Fiber.join(fiber)).path, "file-1");
      assert.lengthOf(begun, 8);
      assert.deepStrictEqual(ends.slice(0, 2), [104, 10]);
    }),
  );
});
