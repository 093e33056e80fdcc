/** Numbers and words as people read them, and text cut to the cells of a terminal. Pure. */
import * as CliOutput from "effect/cli/CliOutput";

const UNITS = ["KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** `999 B`, `1.5 MiB`: three digits and a bit. */
export const size = (bytes: number): string => {
  if (bytes < 1000) return `${Math.max(0, Math.round(bytes))} B`;
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 999.95 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(1)} ${UNITS[unit]}`;
};

/** Both sizes, with one unit where it is the same: `270.1 of 650.0 MiB`. */
export const sizeOf = (done: number, total: number): string => {
  const [part = "", partUnit] = size(done).split(" ");
  const whole = size(total);
  return whole.endsWith(` ${partUnit}`) ? `${part} of ${whole}` : `${size(done)} of ${whole}`;
};

/** `1.5 MiB/s`. */
export const rate = (bytesPerSecond: number): string => `${size(bytesPerSecond)}/s`;

/** `5s`, `1m 20s`, `3h 05m`, `2d 4h`. */
export const seconds = (value: number): string => {
  const whole = Math.max(0, Math.round(value));
  const two = (part: number) => String(part).padStart(2, "0");
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${two(whole % 60)}s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)}h ${two(Math.floor((whole % 3600) / 60))}m`;
  return `${Math.floor(whole / 86_400)}d ${Math.floor((whole % 86_400) / 3600)}h`;
};

/** `42.3%`; never 100 before all is there. */
export const percent = (done: number, total: number): string => {
  if (done >= total) return "100%";
  return `${(Math.floor((done / total) * 1000) / 10).toFixed(1)}%`;
};

/** `1 peer`, `12 peers`. */
export const count = (number: number, one: string, many = `${one}s`): string =>
  `${number} ${number === 1 ? one : many}`;

/** What comes from outside must not steer the terminal: control characters and marks that turn the direction of text become `?`. */
export const printable = (text: string): string =>
  text.replaceAll(/[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, "?");

/** Cells that the text takes in a terminal. */
export const width = (text: string): number => CliOutput.displayWidth(text);

const segmenter = new Intl.Segmenter();

/** The text within `cells`, its middle or end replaced by `…` where it is longer. */
export const cut = (text: string, cells: number, ellipsis = "…"): string => {
  if (width(text) <= cells) return text;
  let kept = "";
  let room = cells - width(ellipsis);
  for (const { segment } of segmenter.segment(text)) {
    room -= width(segment);
    if (room < 0) break;
    kept += segment;
  }
  return cells < width(ellipsis) ? "" : kept + ellipsis;
};

/** The end of the text within `cells`, where names of paths stand; its beginning is replaced by `…` where it is longer. */
export const cutStart = (text: string, cells: number, ellipsis = "…"): string => {
  if (width(text) <= cells) return text;
  let kept = "";
  let room = cells - width(ellipsis);
  for (const { segment } of [...segmenter.segment(text)].reverse()) {
    room -= width(segment);
    if (room < 0) break;
    kept = segment + kept;
  }
  return cells < width(ellipsis) ? "" : ellipsis + kept;
};

/** The text with spaces up to `cells`. */
export const pad = (text: string, cells: number): string => text + " ".repeat(Math.max(0, cells - width(text)));

/** Joins parts with two spaces into as few lines as fit; a part that is too long is cut. */
export const flow = (parts: ReadonlyArray<string>, cells: number, ellipsis?: string): ReadonlyArray<string> => {
  const lines: Array<string> = [];
  for (const part of parts) {
    const last = lines.at(-1);
    if (last !== undefined && width(last) + 2 + width(part) <= cells) lines[lines.length - 1] = `${last}  ${part}`;
    else lines.push(cut(part, cells, ellipsis));
  }
  return lines;
};

/** A sentence broken between words into lines of at most `cells`; a word that is too long is cut. */
export const wrap = (sentence: string, cells: number): ReadonlyArray<string> => {
  const lines: Array<string> = [];
  for (const word of sentence.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && width(last) + 1 + width(word) <= cells) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(cut(word, cells));
  }
  return lines;
};
