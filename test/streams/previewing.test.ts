import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { MemoryDisk } from "../../src/services/Storage/memory.ts";
import { preview } from "../../src/streams/previewing.ts";
import { onMachine, requestFor, torrentOf } from "./disk.ts";

describe("previewing", () => {
  it.effect("tells what would be fetched and what is there, and writes nothing", () =>
    onMachine(
      Effect.gen(function* () {
        const disk = yield* MemoryDisk;
        const { info } = torrentOf([{ length: 40 }, { length: 8, pad: true }, { length: 20 }]);
        yield* disk.put("/d/name/f0", new Uint8Array(50));
        const before = yield* disk.paths;
        const seen = yield* preview(info, requestFor(info, { select: [{ _tag: "Ranges", ranges: [[0, 0]] }] }));
        assert.strictEqual(seen.output, "/d/name");
        assert.deepStrictEqual(seen.files, [
          { index: 0, path: "f0", size: 40, found: 40, selected: true },
          { index: 2, path: "f2", size: 20, found: 0, selected: false },
        ]);
        assert.deepStrictEqual([seen.size, seen.selectedSize, seen.recorded], [60, 40, 0]);
        assert.deepStrictEqual(yield* disk.paths, before);
      }),
    ),
  );

  it.effect("fails for a selection that matches nothing", () =>
    onMachine(
      Effect.gen(function* () {
        const { info } = torrentOf([{ length: 40 }]);
        const error = yield* Effect.flip(preview(info, requestFor(info, { select: [{ _tag: "Glob", glob: "*.x" }] })));
        assert.strictEqual(error.code, "usage.nothing-selected");
      }),
    ),
  );
});
