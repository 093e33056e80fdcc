/** The characters and colours that a terminal can show. Pure; a colour is put around text that is already cut, so that widths stay true. */

/** Characters of the live block. */
export interface Glyphs {
  readonly full: string;
  readonly empty: string;
  readonly down: string;
  readonly up: string;
  readonly ellipsis: string;
}

/** Where more than ASCII can be shown. */
export const unicodeGlyphs: Glyphs = { full: "█", empty: "░", down: "↓", up: "↑", ellipsis: "…" };

/** Where only ASCII can be shown, and for lines of plain output. */
export const asciiGlyphs: Glyphs = { full: "#", empty: "-", down: "down", up: "up", ellipsis: "..." };

/** Colours by what they mean. */
export interface Paint {
  readonly name: (text: string) => string;
  readonly done: (text: string) => string;
  readonly rest: (text: string) => string;
  readonly attention: (text: string) => string;
}

const sgr = (code: number) => (text: string) => (text === "" ? "" : `\u{1b}[${code}m${text}\u{1b}[0m`);

/** The 16 colours that every terminal has, as its owner chose them. */
export const colors: Paint = { name: sgr(1), done: sgr(32), rest: sgr(2), attention: sgr(33) };

const same = (text: string) => text;

/** For `NO_COLOR`. */
export const noColors: Paint = { name: same, done: same, rest: same, attention: same };
