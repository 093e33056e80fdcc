/**
 * A process that may open few files writes many at the same time: `node crowded.ts <folder> [turning]`; says `good`, or what went wrong. With a disk that is
 * `turning`, the first openings are handed over to the pool, where they fail one by one, and what comes then is done at once.
 */
import * as Effect from "effect/Effect";
import { layer, layerWith } from "../../../src/services/Storage/files.ts";
import { Storage } from "../../../src/services/Storage/Storage.ts";
import { openOn } from "../../support/descriptors.ts";
import { layoutOf, pattern } from "./contract.ts";

const [, , folder = "", disk] = process.argv;
const FILES = 120;

/** The first opening, by the second and third look at the clock, takes a millisecond; those of the other files come before the pool has rested for twenty. */
const turning = (): (() => number) => {
  let looks = 0;
  return () => {
    looks++;
    if (looks < 3) return 0;
    if (looks === 3) return 1;
    return looks <= FILES + 2 ? 10 : 100;
  };
};
const written = Effect.gen(function* () {
  const layout = layoutOf(
    folder,
    Array.from({ length: FILES }, () => ({ length: 10 })),
  );
  const output = yield* (yield* Storage).open(layout);
  for (let round = 0; round < 3; round++) {
    yield* Effect.forEach(
      Array.from({ length: FILES }).keys(),
      (index) => output.write(index * 10, pattern(10, index)),
      {
        concurrency: "unbounded",
        discard: true,
      },
    );
  }
  const open = openOn(folder);
  const back = new Uint8Array(FILES * 10);
  yield* output.read(0, back);
  yield* output.sync;
  yield* output.finish;
  if (open < 8) return `only ${open} files are kept open`;
  return back.slice(-10).join() === pattern(10, FILES - 1).join() ? "good" : "wrong bytes";
});
const said = await Effect.runPromise(
  written.pipe(
    Effect.scoped,
    Effect.provide(disk === "turning" ? layerWith({ maxOpenFiles: 128, now: turning() }) : layer),
  ),
).catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
process.stdout.write(said);
