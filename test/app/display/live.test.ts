import { assert, describe, it } from "@effect/vitest";
import { asciiGlyphs, colors } from "../../../src/app/display/glyphs.ts";
import { render } from "../../../src/app/display/live.ts";
import * as Text from "../../../src/app/display/text.ts";
import { frame, metadata, MIB, oneFile, progress, started, stateOf } from "./events.ts";

const fits = (lines: ReadonlyArray<string>, columns: number) => {
  for (const line of lines) assert.isAtMost(Text.width(line), columns, line);
};

describe("live", () => {
  it("shows one file in 79 cells", () => {
    const lines = render(stateOf(started, oneFile, progress()), frame(79));
    assert.deepStrictEqual(lines, [
      "debian-12.5.0-amd64-netinst.iso",
      `${"█".repeat(30)}${"░".repeat(42)}  42.3%`,
      "275.0 of 650.0 MiB  ↓ 8.2 MiB/s  ↑ 120.0 KiB/s  ETA 46s  12 peers (5 seeds)",
      "275/650 pieces",
    ]);
  });

  it("shows the same in 39 cells", () => {
    const lines = render(stateOf(started, oneFile, progress()), frame(39));
    assert.deepStrictEqual(lines, [
      "debian-12.5.0-amd64-netinst.iso",
      `${"█".repeat(13)}${"░".repeat(19)}  42.3%`,
      "275.0 of 650.0 MiB  ↓ 8.2 MiB/s",
      "↑ 120.0 KiB/s  ETA 46s",
      "12 peers (5 seeds)  275/650 pieces",
    ]);
  });

  it("gives a few files a line each", () => {
    const files = metadata({ "disc 1/track.flac": 20, "disc 1/another track.flac": 30, "cover.jpg": 1 }, "album");
    const at = progress({ total: 51 * MIB, done: 21 * MIB, pieces: 21, pieceCount: 51, files: [20 * MIB, 0, MIB] });
    assert.deepStrictEqual(render(stateOf(started, files, at), frame(39)).slice(-3), [
      `  ${Text.pad("disc 1/track.flac", 30)}   100%`,
      `  ${Text.pad("disc 1/another track.flac", 30)}   0.0%`,
      `  ${Text.pad("cover.jpg", 30)}   100%`,
    ]);
  });

  it("gives 200 files no lines", () => {
    const files = metadata(Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`${index}.bin`, 1])), "many");
    const lines = render(stateOf(started, files, progress({ total: 200 * MIB, done: 100 * MIB })), frame(79));
    assert.strictEqual(lines.length, 4);
    assert.strictEqual(lines[0], "many");
  });

  it("drops the lines of files where the terminal is too low, and never has more lines than there are rows", () => {
    const files = metadata({ "a.bin": 1, "b.bin": 1, "c.bin": 1 }, "x");
    const state = stateOf(started, files, progress({ files: [0, 0, 0] }));
    assert.strictEqual(render(state, frame(79, 6)).length, 4);
    assert.strictEqual(render(state, frame(79, 2)).length, 2);
  });

  it("says what a magnet is waiting for", () => {
    const { size: _size, ...magnet } = { ...started, size: undefined };
    const asking = progress({
      phase: "metadata",
      done: 0,
      total: 0,
      peers: 0,
      seeds: 0,
      waiting: "asking 3 trackers",
    });
    assert.deepStrictEqual(render(stateOf(magnet as typeof started, asking), frame(39)), [
      "debian-12.5.0-amd64-netinst.iso",
      "fetching the metadata  0 peers",
      "waiting: asking 3 trackers",
    ]);
  });

  it("breaks a long reason between words", () => {
    const waiting = "12 peers, all choking us; the tracker tracker.example.org does not answer";
    const lines = render(stateOf(started, oneFile, progress({ waiting })), frame(39));
    assert.deepStrictEqual(lines.slice(-3), [
      "waiting: 12 peers, all choking us; the",
      "tracker tracker.example.org does not",
      "answer",
    ]);
  });

  it("cuts names by the cells they take, wide characters and all", () => {
    const name = "日本語のとても長いファイル名です、本当に長い.iso";
    const lines = render(stateOf(started, metadata({ [name]: 650 }, name), progress()), frame(20));
    assert.strictEqual(lines[0], "日本語のとても長い…");
    fits(lines, 20);
  });

  it("never writes beyond its width, however narrow", () => {
    const files = metadata({ ["a".repeat(300)]: 3, ["b👩‍👩‍👧‍👧".repeat(40)]: 3 }, "é".repeat(100));
    const state = stateOf(started, files, progress({ files: [MIB, 0], waiting: "w".repeat(100) }));
    for (const columns of [10, 11, 23, 40, 80, 200]) fits(render(state, frame(columns)), columns);
  });

  it("lets no name steer the terminal", () => {
    const lines = render(stateOf(started, metadata({ a: 1 }, "\u{1b}[2Jevil\n\u202e.iso"), progress()), frame(79));
    assert.strictEqual(lines[0], "?[2Jevil??.iso");
  });

  it("says at once that it stops", () => {
    const state = { ...stateOf(started, oneFile, progress({ waiting: "12 peers, all choking us" })), stopping: true };
    assert.deepStrictEqual(render(state, frame(79)).slice(2), ["stopping: saving what is there, telling the trackers"]);
  });

  it("shows what it checks", () => {
    const lines = render(stateOf(started, oneFile, progress({ phase: "checking" })), frame(79));
    assert.strictEqual(lines[2], "checking what is on disk  275.0 of 650.0 MiB");
  });

  it("keeps to ASCII where nothing else can be shown", () => {
    const lines = render(stateOf(started, oneFile, progress()), { ...frame(79), glyphs: asciiGlyphs });
    for (const line of lines) assert.match(line, /^[\x20-\x7e]*$/);
  });

  it("puts colours around text without changing it", () => {
    const state = stateOf(started, oneFile, progress({ waiting: "asking 3 trackers" }));
    const painted = render(state, { ...frame(79), paint: colors });
    assert.notDeepEqual(painted, render(state, frame(79)));
    assert.deepStrictEqual(
      painted.map((line) => line.replaceAll(/\u{1b}\[\d+m/gu, "")),
      render(state, frame(79)),
    );
    fits(painted, 79);
  });
});
