import { assert, describe, it } from "@effect/vitest";
import { type Choice, frame, type Picking, press, summary } from "../../../src/app/display/picker.ts";
import * as Text from "../../../src/app/display/text.ts";
import type { Terminal } from "../../../src/app/Screen/Screen.ts";

const terminal = (columns: number, rows: number, more: Partial<Terminal> = {}): Terminal => ({
  columns,
  rows,
  color: false,
  unicode: true,
  ...more,
});

const three: ReadonlyArray<Choice> = [
  { index: 0, path: "disc.iso", size: 3_000_000 },
  { index: 2, path: "text/read\u{1b}me.txt", size: 20 },
  { index: 3, path: "text/ünï/a very long name of a file.txt", size: 1_000_000 },
];
const many: ReadonlyArray<Choice> = Array.from({ length: 200 }, (_, index) => ({ index, path: `f/${index}`, size: 1 }));

const all = (choices: ReadonlyArray<Choice>): Picking => ({
  cursor: 0,
  chosen: new Set(choices.keys()),
  refused: false,
});

const pressed = (keys: ReadonlyArray<string>, from: Picking, count: number, at = terminal(80, 24)): Picking =>
  keys.reduce((picking, key) => press(key, picking, count, at), from);

describe("picker", () => {
  it("shows sizes, marks and the end of long paths", () => {
    const picking = pressed(["down", "space"], all(three), 3);
    assert.deepStrictEqual(frame("album", three, picking, terminal(80, 24)), [
      "2 of 3 files, 3.8 of 3.8 MiB: album",
      "  [x]   2.9 MiB  disc.iso",
      "  [ ]      20 B  text/read?me.txt",
      "> [x] 976.6 KiB  text/ünï/a very long name of a file.txt",
      "space choose  enter go on  a all or none  ctrl-c stop",
    ]);
    assert.deepStrictEqual(frame("album", three, picking, terminal(40, 24)).slice(2), [
      "  [ ]      20 B  text/read?me.txt",
      "> [x] 976.6 KiB  …ng name of a file.txt",
      "space choose  enter go on  a all or no…",
    ]);
  });

  it("stays within the terminal, whatever its size and wherever the cursor", () => {
    for (const columns of [20, 40, 80]) {
      for (const rows of [8, 24, 300]) {
        for (const keys of [[], ["end"], ["pagedown", "down", "space"]]) {
          const at = terminal(columns, rows, { unicode: columns !== 40 });
          const lines = frame("many", many, pressed(keys, all(many), 200, at), at);
          assert.isBelow(lines.length, rows);
          for (const line of lines) assert.isBelow(Text.width(line), columns, line);
          assert.strictEqual(lines.filter((line) => line.startsWith(">")).length, 1);
        }
      }
    }
  });

  it("paints the line of the cursor where there are colours, and nothing else where there are none", () => {
    const lines = frame("album", three, all(three), terminal(80, 24, { color: true }));
    assert.match(lines[1] ?? "", /^\u{1b}\[1m> /u);
    assert.notInclude(frame("album", three, all(three), terminal(80, 24)).join(), "\u{1b}");
  });

  it("moves by keys and stops at the ends", () => {
    const cursor = (...keys: ReadonlyArray<string>) => pressed(keys, all(many), 200).cursor;
    assert.strictEqual(cursor("up"), 0);
    assert.strictEqual(cursor("j", "j", "k"), 1);
    assert.strictEqual(cursor("pagedown"), 20);
    assert.strictEqual(cursor("end", "down"), 199);
    assert.strictEqual(cursor("end", "pageup", "home"), 0);
  });

  it("chooses one, all or none", () => {
    assert.deepStrictEqual([...pressed(["a"], all(three), 3).chosen], []);
    assert.deepStrictEqual([...pressed(["space", "a"], all(three), 3).chosen], [0, 1, 2]);
    assert.deepStrictEqual([...pressed(["a", "end", "space"], all(three), 3).chosen], [2]);
    const unknown = all(three);
    assert.strictEqual(press("x", unknown, 3, terminal(80, 24)), unknown);
  });

  it("says that nothing is chosen", () => {
    assert.strictEqual(summary(three, new Set()), "0 of 3 files, 0 B of 3.8 MiB");
    const refused = { ...pressed(["a"], all(three), 3), refused: true };
    assert.include(frame("album", three, refused, terminal(80, 24)).at(-1), "at least one file");
  });
});
