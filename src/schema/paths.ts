/**
 * File names from a torrent, which are hostile: made harmless element by element, then told apart where two became one.
 * Nothing is looked up on disk here; that a path stays in the output folder is checked again by Storage.
 */

import * as Result from "effect/Result";

/** What the names must suit. */
export interface NameRules {
  /** Also avoid what Windows cannot hold. */
  readonly windows: boolean;
  /** Names that differ in case only are the same file. */
  readonly caseInsensitive: boolean;
}

/** A file system that tells all names apart. */
export const POSIX_NAMES: NameRules = { windows: false, caseInsensitive: false };

/** Bytes of an element that are kept (common file systems hold 255, and a rename needs some). */
export const MAX_ELEMENT_LENGTH = 240;
/** Files that may share one name before they are told apart; libtorrent's limit. */
export const MAX_NAMESAKES = 500;

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

const SEPARATORS = /[/\\]/g;
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;
const INVISIBLE = /[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\u061c\ufeff]/g;
const WINDOWS_FORBIDDEN = /[<>:"|?*]/g;
const WINDOWS_TRAILING = /[. ]+$/;
const WINDOWS_RESERVED = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/** Printable ASCII without separators and longer than the dots: nothing below would change it. */
const isPlain = (bytes: Uint8Array): boolean => {
  if (bytes.length < 3 || bytes.length > MAX_ELEMENT_LENGTH) return false;
  for (const byte of bytes) {
    if (byte < 0x20 || byte > 0x7e || byte === 0x2f || byte === 0x5c) return false;
  }
  return true;
};

const toText = (bytes: Uint8Array): string => {
  try {
    return strict.decode(bytes);
  } catch {
    return lenient.decode(bytes).replaceAll(/\ufffd+/g, "_");
  }
};

/** The first `length` bytes of `text`, whole code points only. */
const cut = (text: string, length: number): string => {
  const room = new Uint8Array(length);
  return text.slice(0, encoder.encodeInto(text, room).read);
};

const splitExtension = (name: string): readonly [stem: string, extension: string] => {
  const dot = name.lastIndexOf(".");
  return dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
};

const shorten = (name: string, length: number): string => {
  if (name.length * 3 <= length || encoder.encode(name).length <= length) return name;
  const [stem, extension] = splitExtension(name);
  const room = length - encoder.encode(extension).length;
  return room > 0 ? cut(stem, room) + extension : cut(name, length);
};

/** One element made harmless; empty when it is to be dropped (dots, separators alone). */
export const sanitiseElement = (bytes: Uint8Array, rules: NameRules = POSIX_NAMES): string => {
  if (isPlain(bytes) && !rules.windows) return strict.decode(bytes);
  const bare = toText(bytes).replaceAll(SEPARATORS, "");
  if (bare === "" && bytes.length > 0) return "";
  let name = bare.replaceAll(CONTROL, "_").replaceAll(INVISIBLE, "");
  if (name === "." || name === "..") return "";
  name = shorten(name, MAX_ELEMENT_LENGTH);
  if (rules.windows) {
    name = name.replaceAll(WINDOWS_FORBIDDEN, "_").replace(WINDOWS_TRAILING, "");
    if (WINDOWS_RESERVED.test(name)) name = `_${name}`;
  }
  return name === "" ? "_" : name;
};

/** A path made harmless; empty when nothing of it is left. */
export const sanitisePath = (
  elements: ReadonlyArray<Uint8Array>,
  rules: NameRules = POSIX_NAMES,
): ReadonlyArray<string> => elements.map((element) => sanitiseElement(element, rules)).filter((name) => name !== "");

/** Whether these bytes are these names, all of them ASCII: then nothing was changed. */
export const spells = (elements: ReadonlyArray<Uint8Array>, names: ReadonlyArray<string>): boolean =>
  elements.length === names.length &&
  names.every((name, nth) => {
    const bytes = elements[nth];
    if (bytes?.length !== name.length) return false;
    for (let at = 0; at < name.length; at++) {
      const byte = bytes[at] ?? 0;
      if (byte > 0x7e || byte !== name.charCodeAt(at)) return false;
    }
    return true;
  });

/**
 * The paths that files whose torrent calls them `paths` are used by: a path that is another file's, or a folder of another file,
 * becomes `name.1.ext`, `name.2.ext` … Fails with the path that too many want. Takes memory by the files, not by their folders.
 */
export const tellApart = (
  paths: ReadonlyArray<ReadonlyArray<string>>,
  rules: NameRules = POSIX_NAMES,
): Result.Result<ReadonlyArray<ReadonlyArray<string>>, ReadonlyArray<string>> => {
  // NUL, which no name holds, sorts below all else: what a folder holds comes right after a file of the folder's name
  const keyOf = (path: ReadonlyArray<string>): string => {
    const key = path.join("\0");
    return rules.caseInsensitive ? key.normalize("NFC").toLowerCase() : key;
  };
  const keys = paths.map(keyOf);
  const sorted = keys.toSorted();
  const folders = new Set<string>();
  for (const [i, key] of sorted.entries()) {
    const next = sorted[i + 1];
    if (next?.charCodeAt(key.length) === 0 && next.startsWith(key)) folders.add(key);
  }
  const isFolder = (key: string): boolean => {
    const inside = `${key}\0`;
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((sorted[middle] ?? "") < inside) low = middle + 1;
      else high = middle;
    }
    return sorted[low]?.startsWith(inside) ?? false;
  };

  const known = new Set(keys);
  const placed = new Set<string>();
  const namesakes = new Map<string, number>();
  const result: Array<ReadonlyArray<string>> = [];
  for (const [i, path] of paths.entries()) {
    const key = keys[i] ?? "";
    if (!placed.has(key) && !folders.has(key)) {
      placed.add(key);
      result.push(path);
      continue;
    }
    const [stem, extension] = splitExtension(path[path.length - 1] ?? "_");
    let place: ReadonlyArray<string> | undefined;
    for (let n = (namesakes.get(key) ?? 0) + 1; place === undefined && n < MAX_NAMESAKES; n++) {
      const other = [...path.slice(0, -1), `${stem}.${n}${extension}`];
      const otherKey = keyOf(other);
      if (known.has(otherKey) || placed.has(otherKey) || isFolder(otherKey)) continue;
      placed.add(otherKey);
      namesakes.set(key, n);
      place = other;
    }
    if (place === undefined) return Result.fail(path);
    result.push(place);
  }
  return Result.succeed(result);
};
