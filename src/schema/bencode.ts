/**
 * Bencoding (BEP 3): the one front of the `bencode` package, which must see neither unchecked bytes nor values that it cannot hold.
 * The reader is bounded, single-pass and not recursive, keeps keys and integers exact and tells byte spans; the package
 * encodes every atom.
 */
import type { BencodeReason } from "./errors/BencodeError.ts";
import bencode from "bencode";
import * as Result from "effect/Result";
import {
  type Cursor,
  END,
  fail,
  isDigit,
  keyFrom,
  keyToBytes,
  odd,
  passString,
  readInteger,
  readString,
  unexpected,
} from "./bencode/atoms.ts";
import { concat } from "./bytes.ts";
import { BencodeError } from "./errors/BencodeError.ts";

export { keyFromBytes, keyToBytes, MAX_INTEGER_DIGITS } from "./bencode/atoms.ts";

/**
 * A dictionary. Keys are bytes, written as one character (U+0000 to U+00FF) per byte: an ASCII key is itself, any other has an exact
 * form too, and the order of characters is the order of bytes. See `keyFromBytes` and `keyToBytes`.
 */
export type BencodeDictionary = ReadonlyMap<string, BencodeValue>;

/** A list. */
export type BencodeList = ReadonlyArray<BencodeValue>;

/**
 * Any bencoded value. Integers are numbers where safe and bigints elsewhere; strings are bytes (decoded ones are views of the
 * input, not copies).
 */
export type BencodeValue = number | bigint | Uint8Array | BencodeList | BencodeDictionary;

/** Nesting that is taken; libtorrent's limit. */
export const MAX_DEPTH = 100;
/** Values and keys that are taken; libtorrent's limit. */
export const MAX_TOKENS = 3_000_000;
/** Bytes that are taken: the largest .torrent; libtorrent's limit. */
export const MAX_LENGTH = 10_000_000;
/** Bounds of a decoding, and how strict it is. */
export interface DecodeOptions {
  /** Refuse unsorted and repeated keys and leading zeros in lengths (else the first of repeated keys counts). Default false. */
  readonly canonical?: boolean;
  /** Default `MAX_LENGTH` bytes. */
  readonly maxLength?: number;
  /** Default `MAX_DEPTH`. */
  readonly maxDepth?: number;
  /** Default `MAX_TOKENS`. */
  readonly maxTokens?: number;
}

/** Bytes `start` to `end` (exclusive) of the input. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** One value, and what was seen while reading it. */
export interface Decoded {
  readonly value: BencodeValue;
  /** Where the value ends and other bytes may follow. */
  readonly end: number;
  /** The span of each value of the outermost dictionary, by key; empty when the value is no dictionary. */
  readonly spans: ReadonlyMap<string, Span>;
  /** Breaches of the canonical form that were tolerated, one sentence for each kind. */
  readonly oddities: ReadonlyArray<string>;
}

const UNSORTED = "keys that are not sorted";
const REPEATED = "a key that is repeated";
const INTEGER = 0x69;
const LIST = 0x6c;
const DICTIONARY = 0x64;
/** A list or dictionary that is being read. Its map is made with its first entry, so that many empty ones cost little. */
interface Open {
  readonly start: number;
  readonly list: Array<BencodeValue> | undefined;
  map: Map<string, BencodeValue> | undefined;
  /** The key that waits for its value. */
  key: string | undefined;
  previous: string | undefined;
}

const EMPTY: BencodeDictionary = new Map();

/** Whether `value` is a dictionary. */
export const isDictionary = (value: BencodeValue | undefined): value is BencodeDictionary => value instanceof Map;

/** Takes the next key of `open`; the value that follows is dropped when the key was there before. */
const readKey = (cursor: Cursor, open: Open): void => {
  const start = cursor.at;
  if (!isDigit(cursor.bytes[start])) {
    if (start < cursor.bytes.length) fail(cursor, start, { _tag: "KeyNotString" });
    else unexpected(cursor, "a key");
    return;
  }
  const from = passString(cursor);
  if (from === undefined) return;
  const key = keyFrom(cursor, from);
  if (open.map?.has(key)) odd(cursor, start, REPEATED);
  else if (open.previous !== undefined && key < open.previous) odd(cursor, start, UNSORTED);
  open.key = key;
  open.previous = key;
};

/** Reads the one value that `bytes` begin with; more may follow. Never throws. */
export const decodePrefix = (bytes: Uint8Array, options: DecodeOptions = {}): Result.Result<Decoded, BencodeError> => {
  const { canonical = false, maxDepth = MAX_DEPTH, maxLength = MAX_LENGTH, maxTokens = MAX_TOKENS } = options;
  const cursor: Cursor = { bytes, canonical, oddities: new Set(), keys: [], at: 0, failure: undefined };
  const spans = new Map<string, Span>();
  const stack: Array<Open> = [];
  let tokens = 0;
  if (bytes.length > maxLength) {
    fail(cursor, maxLength, { _tag: "TooLarge", length: bytes.length, limit: maxLength });
  }
  while (cursor.failure === undefined) {
    let start = cursor.at;
    let value: BencodeValue | undefined;
    const byte = bytes[start];
    const open = stack[stack.length - 1];
    if (++tokens > maxTokens) {
      fail(cursor, start, { _tag: "TooManyTokens", limit: maxTokens });
    } else if (byte === END && open !== undefined) {
      if (open.key !== undefined) fail(cursor, start, { _tag: "KeyWithoutValue" });
      stack.pop();
      cursor.at++;
      start = open.start;
      value = open.list ?? open.map ?? EMPTY;
    } else if (open !== undefined && open.list === undefined && open.key === undefined) {
      readKey(cursor, open);
    } else if (byte === LIST || byte === DICTIONARY) {
      if (stack.length === maxDepth) fail(cursor, start, { _tag: "TooDeep", limit: maxDepth });
      cursor.at++;
      const list = byte === LIST ? [] : undefined;
      stack.push({ start, list, map: undefined, key: undefined, previous: undefined });
    } else if (byte === INTEGER) {
      value = readInteger(cursor);
    } else if (isDigit(byte)) {
      value = readString(cursor);
    } else {
      unexpected(cursor, "a value");
    }
    if (value === undefined || cursor.failure !== undefined) continue;

    const parent = stack[stack.length - 1];
    if (parent === undefined) {
      return Result.succeed({ value, end: cursor.at, spans, oddities: [...cursor.oddities] });
    }
    if (parent.list !== undefined) parent.list.push(value);
    else if (parent.key !== undefined) {
      parent.map ??= new Map();
      if (!parent.map.has(parent.key)) {
        parent.map.set(parent.key, value);
        if (stack.length === 1) spans.set(parent.key, { start, end: cursor.at });
      }
      parent.key = undefined;
    }
  }
  return Result.fail(cursor.failure);
};

/** Reads `bytes` as one value and nothing after it. Never throws. */
export const decode = (bytes: Uint8Array, options?: DecodeOptions): Result.Result<BencodeValue, BencodeError> =>
  Result.flatMap(decodePrefix(bytes, options), ({ value, end }) => {
    if (end === bytes.length) return Result.succeed(value);
    const reason: BencodeReason = { _tag: "TrailingBytes", length: bytes.length - end };
    return Result.fail(new BencodeError({ offset: end, reason }));
  });

const LIST_MARK = Uint8Array.of(LIST);
const DICTIONARY_MARK = Uint8Array.of(DICTIONARY);
const END_MARK = Uint8Array.of(END);

const write = (parts: Array<Uint8Array>, value: BencodeValue): void => {
  if (typeof value === "bigint") {
    parts.push(keyToBytes(`i${value}e`));
  } else if (typeof value === "number" || value instanceof Uint8Array) {
    parts.push(bencode.encode(value));
  } else if (isDictionary(value)) {
    parts.push(DICTIONARY_MARK);
    for (const [key, inner] of [...value].sort(([a], [b]) => (a < b ? -1 : 1))) {
      parts.push(bencode.encode(keyToBytes(key)));
      write(parts, inner);
    }
    parts.push(END_MARK);
  } else {
    parts.push(LIST_MARK);
    for (const inner of value) write(parts, inner);
    parts.push(END_MARK);
  }
};

/** The canonical bytes of `value`, whose numbers must be safe integers (another number is a defect of the caller). */
export const encode = (value: BencodeValue): Uint8Array => {
  const parts: Array<Uint8Array> = [];
  write(parts, value);
  return concat(parts);
};
