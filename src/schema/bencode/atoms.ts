/**
 * The atoms of bencoding as they are read: integers, strings and keys, and where reading stands. How they nest, and the bounds of that, is in `bencode.ts`.
 * Bytes are looked at before they are used, and nothing throws.
 */
import { BencodeError, type BencodeReason } from "../errors/BencodeError.ts";

/** Digits of an integer: BEP 3 knows no limit, but turning digits into a bigint takes more than linear time. */
export const MAX_INTEGER_DIGITS = 1024;

const ZERO_LED = "a string length with a leading zero";

/** Ends an integer, a list or a dictionary. */
export const END = 0x65;
const COLON = 0x3a;
const MINUS = 0x2d;
const ZERO = 0x30;
/** Integers of so many digits are exact in a number. */
const EXACT_DIGITS = 15;
/** Places for keys that were read; two that want the same place only make each other anew. */
const RECENT_KEYS = 64;

/** Whether it is the ASCII of a digit. */
export const isDigit = (byte: number | undefined): byte is number =>
  byte !== undefined && byte >= ZERO && byte <= ZERO + 9;

/** The key that stands for `bytes` in a `BencodeDictionary`. */
export const keyFromBytes = (bytes: Uint8Array): string => {
  let key = "";
  if (bytes.length <= 32) {
    // several times faster than spreading, for the short keys that nearly all are
    for (const byte of bytes) key += String.fromCharCode(byte);
    return key;
  }
  for (let at = 0; at < bytes.length; at += 4096) {
    key += String.fromCharCode(...bytes.subarray(at, at + 4096));
  }
  return key;
};

/** The bytes that `key` stands for. */
export const keyToBytes = (key: string): Uint8Array => {
  const bytes = new Uint8Array(key.length);
  for (let i = 0; i < key.length; i++) bytes[i] = key.charCodeAt(i);
  return bytes;
};

/** Where reading stands; the readers below move it and leave the first failure in it. */
export interface Cursor {
  readonly bytes: Uint8Array;
  readonly canonical: boolean;
  readonly oddities: Set<string>;
  /** Keys that were read, some of them: most come again and again, and need not be made anew each time. */
  readonly keys: Array<string>;
  at: number;
  failure: BencodeError | undefined;
}

/** Leaves a failure at `offset`. */
export const fail = (cursor: Cursor, offset: number, reason: BencodeReason): undefined => {
  cursor.failure = new BencodeError({ offset, reason });
};

/** Leaves the failure that something else than `expected` stands here, or nothing. */
export const unexpected = (cursor: Cursor, expected: string): undefined => {
  const byte = cursor.bytes[cursor.at];
  return fail(
    cursor,
    cursor.at,
    byte === undefined ? { _tag: "UnexpectedEnd" } : { _tag: "UnexpectedByte", byte, expected },
  );
};

/** Notes a breach of the canonical form, which is a failure where that is asked for. */
export const odd = (cursor: Cursor, offset: number, what: string): void => {
  if (cursor.canonical) fail(cursor, offset, { _tag: "NotCanonical", what });
  else cursor.oddities.add(what);
};

/** Reads an integer: a number where that is exact. */
export const readInteger = (cursor: Cursor): number | bigint | undefined => {
  const { bytes, at: start } = cursor;
  cursor.at++;
  const negative = bytes[cursor.at] === MINUS;
  if (negative) cursor.at++;
  const first = cursor.at;
  let small = 0;
  for (let byte = bytes[first]; isDigit(byte); byte = bytes[cursor.at]) {
    small = small * 10 + (byte - ZERO);
    if (++cursor.at - first > MAX_INTEGER_DIGITS) {
      return fail(cursor, start, { _tag: "IntegerTooLong", limit: MAX_INTEGER_DIGITS });
    }
  }
  if (bytes[cursor.at] !== END) return unexpected(cursor, "a digit or the end of an integer");
  const digits = cursor.at - first;
  if (digits === 0) return fail(cursor, start, { _tag: "BadInteger", why: "no digits" });
  if (bytes[first] === ZERO && (negative || digits > 1)) {
    const why = negative ? "a minus before a zero" : "a leading zero";
    return fail(cursor, start, { _tag: "BadInteger", why });
  }
  cursor.at++;
  if (digits <= EXACT_DIGITS) return negative ? -small : small;
  const exact = BigInt(keyFromBytes(bytes.subarray(start + 1, cursor.at - 1)));
  const near = Number(exact);
  return Number.isSafeInteger(near) ? near : exact;
};

/** Passes over a string, and gives where its bytes begin. */
export const passString = (cursor: Cursor): number | undefined => {
  const { bytes, at: start } = cursor;
  let length = 0;
  for (let byte = bytes[start]; isDigit(byte); byte = bytes[++cursor.at]) {
    length = length * 10 + (byte - ZERO);
    if (length > bytes.length) return fail(cursor, start, { _tag: "StringPastEnd" });
  }
  if (bytes[cursor.at] !== COLON) return unexpected(cursor, "a digit or a colon");
  if (bytes[start] === ZERO && cursor.at > start + 1) odd(cursor, start, ZERO_LED);
  const from = cursor.at + 1;
  cursor.at = from + length;
  return cursor.at > bytes.length ? fail(cursor, start, { _tag: "StringPastEnd" }) : from;
};

/** Reads a string as a view of the bytes. */
export const readString = (cursor: Cursor): Uint8Array | undefined => {
  const from = passString(cursor);
  return from === undefined ? undefined : cursor.bytes.subarray(from, cursor.at);
};

const isKey = (key: string, bytes: Uint8Array, from: number): boolean => {
  for (let at = 0; at < key.length; at++) if (key.charCodeAt(at) !== bytes[from + at]) return false;
  return true;
};

/** The key from `from` to where reading stands. */
export const keyFrom = ({ at, bytes, keys }: Cursor, from: number): string => {
  const place = (at - from + (bytes[from] ?? 0)) % RECENT_KEYS;
  const recent = keys[place];
  if (recent?.length === at - from && isKey(recent, bytes, from)) return recent;
  const key = keyFromBytes(bytes.subarray(from, at));
  keys[place] = key;
  return key;
};
