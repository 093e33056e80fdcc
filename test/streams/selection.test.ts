import { assert, describe, it } from "@effect/vitest";
import * as Result from "effect/Result";
import { selectFiles } from "../../src/streams/selection.ts";
import type { SelectPattern } from "../../src/streams/request.ts";
import { requestFor, torrentOf } from "./disk.ts";

const { info } = torrentOf([
  { length: 4, path: ["a.mkv"] },
  { length: 4, pad: true, path: [".pad", "4"] },
  { length: 4, path: ["sub", "b.mkv"] },
  { length: 4, path: ["sub", ".hidden.txt"] },
  { length: 0, path: ["empty"] },
]);
const { source } = requestFor(info);
const glob = (pattern: string): SelectPattern => ({ _tag: "Glob", glob: pattern });
const ranges = (...of: ReadonlyArray<readonly [number, number]>): SelectPattern => ({ _tag: "Ranges", ranges: of });
const select = (...patterns: ReadonlyArray<SelectPattern>) =>
  Result.match(selectFiles(info, { select: patterns, source }), {
    onSuccess: (indices) => indices,
    onFailure: (error) => error.code,
  });

describe("selection", () => {
  it("takes all but pads by default", () => assert.deepStrictEqual(select(), [0, 2, 3, 4]));
  it("takes ranges with both ends", () => {
    assert.deepStrictEqual(select(ranges([2, 3])), [2, 3]);
    assert.deepStrictEqual(select(ranges([3, 3], [0, 0])), [0, 3]);
    assert.deepStrictEqual(select(ranges([0, 4_294_967_295])), [0, 2, 3, 4]);
  });
  it("takes globs on the path, or on the name where there is no folder in them", () => {
    assert.deepStrictEqual(select(glob("*.mkv")), [0, 2]);
    assert.deepStrictEqual(select(glob("sub/*")), [2, 3]);
    assert.deepStrictEqual(select(glob("**/*.txt")), [3]);
  });
  it("adds patterns up", () => assert.deepStrictEqual(select(glob("empty"), ranges([0, 0])), [0, 4]));
  it("says which pattern matches nothing, pads included", () => {
    assert.strictEqual(select(glob("*.mkv"), glob("*.avi")), "usage.nothing-selected");
    assert.strictEqual(select(ranges([1, 1])), "usage.nothing-selected");
    assert.strictEqual(select(ranges([9, 10])), "usage.nothing-selected");
    const failed = selectFiles(info, { select: [ranges([9, 10], [1, 1])], source });
    assert.include(Result.isFailure(failed) ? failed.failure.message : "", "--select 9-10,1:");
  });
  it("follows a magnet's so, unless the user chose", () => {
    const magnet = {
      _tag: "Magnet",
      magnet: { infoHash: info.infoHash, trackers: [], webSeeds: [], peers: [], nodes: [], selectOnly: [[2, 9]] },
    } as const;
    assert.deepStrictEqual(Result.getOrThrow(selectFiles(info, { select: [], source: magnet })), [2, 3, 4]);
    assert.deepStrictEqual(Result.getOrThrow(selectFiles(info, { select: [ranges([0, 0])], source: magnet })), [0]);
  });
});
