/** A list of files to choose from, as it is drawn on a terminal, and what keys do to it. Pure. */
import type { Terminal } from "../Screen/Screen.ts";
import { asciiGlyphs, colors, noColors, unicodeGlyphs } from "./glyphs.ts";
import * as Text from "./text.ts";

/** A file that may be chosen. */
export interface Choice {
  /** Position in the torrent. */
  readonly index: number;
  readonly path: string;
  /** Bytes. */
  readonly size: number;
}

/** What is chosen, and where the cursor stands: positions in the list. */
export interface Picking {
  readonly cursor: number;
  readonly chosen: ReadonlySet<number>;
  /** Enter was pressed while nothing was chosen. */
  readonly refused: boolean;
}

/** Lines that are no files: one above the list, two below. */
const FRAME_LINES = 3;
/** Lines of files that are shown on the smallest terminal. */
const LEAST_LINES = 3;

const pageOf = ({ rows }: Terminal, count: number): number =>
  Math.min(count, Math.max(LEAST_LINES, rows - FRAME_LINES - 1));

const toggled = (chosen: ReadonlySet<number>, position: number): ReadonlySet<number> => {
  const next = new Set(chosen);
  if (!next.delete(position)) next.add(position);
  return next;
};

/** The list after a key; the same one where the key means nothing. */
export const press = (key: string, picking: Picking, count: number, terminal: Terminal): Picking => {
  const to = (cursor: number): Picking => ({
    ...picking,
    refused: false,
    cursor: Math.max(0, Math.min(count - 1, cursor)),
  });
  const page = pageOf(terminal, count);
  switch (key) {
    case "up":
    case "k":
      return to(picking.cursor - 1);
    case "down":
    case "j":
      return to(picking.cursor + 1);
    case "pageup":
      return to(picking.cursor - page);
    case "pagedown":
      return to(picking.cursor + page);
    case "home":
    case "g":
      return to(0);
    case "end":
      return to(count - 1);
    case "space":
      return { ...to(picking.cursor + 1), chosen: toggled(picking.chosen, picking.cursor) };
    case "a":
      return { ...to(picking.cursor), chosen: new Set(picking.chosen.size === count ? [] : Array(count).keys()) };
    default:
      return picking;
  }
};

const sizeOf = (choices: Iterable<Choice | undefined>): number => {
  let sum = 0;
  for (const choice of choices) sum += choice?.size ?? 0;
  return sum;
};

/** How much is chosen: `2 of 3 files, 1.5 of 4.0 MiB`. */
export const summary = (choices: ReadonlyArray<Choice>, chosen: ReadonlySet<number>): string => {
  const bytes = sizeOf([...chosen].map((position) => choices[position]));
  return `${chosen.size} of ${Text.count(choices.length, "file")}, ${Text.sizeOf(bytes, sizeOf(choices))}`;
};

/** The lines of the list, each within the terminal's width. */
export const frame = (
  name: string,
  choices: ReadonlyArray<Choice>,
  picking: Picking,
  terminal: Terminal,
): ReadonlyArray<string> => {
  const cells = terminal.columns - 1;
  const { ellipsis } = terminal.unicode ? unicodeGlyphs : asciiGlyphs;
  const paint = terminal.color ? colors : noColors;
  const page = pageOf(terminal, choices.length);
  const first = Math.max(0, Math.min(picking.cursor - Math.floor(page / 2), choices.length - page));
  const shown = choices.slice(first, first + page);
  const lines = shown.map((choice, at) => {
    const position = first + at;
    const pointer = position === picking.cursor ? ">" : " ";
    const mark = picking.chosen.has(position) ? "[x]" : "[ ]";
    const start = `${pointer} ${mark} ${Text.size(choice.size).padStart(9)}  `;
    const line = Text.cut(
      start + Text.cutStart(Text.printable(choice.path), cells - Text.width(start), ellipsis),
      cells,
      ellipsis,
    );
    return position === picking.cursor ? paint.name(line) : line;
  });
  const where = shown.length < choices.length ? ` (${first + 1}-${first + shown.length})` : "";
  const title = `${summary(choices, picking.chosen)}${where}: ${Text.printable(name)}`;
  const keys = "space choose  enter go on  a all or none  ctrl-c stop";
  const refusal = "choose at least one file, or stop with ctrl-c";
  const last = picking.refused
    ? paint.attention(Text.cut(refusal, cells, ellipsis))
    : paint.rest(Text.cut(keys, cells, ellipsis));
  return [Text.cut(title, cells, ellipsis), ...lines, last];
};
