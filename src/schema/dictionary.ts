/**
 * Building bencoded dictionaries and looking into them by ASCII key, text being UTF-8. A value of another kind than the one asked
 * for counts as absent; who must tell the two apart asks the dictionary itself.
 */
import type { BencodeDictionary, BencodeList, BencodeValue } from "./bencode.ts";
import { isDictionary } from "./bencode.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/** `text` as a bencoded string. */
export const fromText = (text: string): Uint8Array => encoder.encode(text);

/** The text of a bencoded string; bytes that are not UTF-8 become U+FFFD. */
export const toText = (bytes: Uint8Array): string => decoder.decode(bytes);

/** A dictionary of the given fields, without those that are undefined; keys are ASCII. */
export const make = (fields: Readonly<Record<string, BencodeValue | undefined>>): BencodeDictionary => {
  const entries = new Map<string, BencodeValue>();
  for (const [key, value] of Object.entries(fields)) {
    if (value !== undefined) entries.set(key, value);
  }
  return entries;
};

/** The bytes at `key`. */
export const bytes = (from: BencodeDictionary, key: string): Uint8Array | undefined => {
  const value = from.get(key);
  return value instanceof Uint8Array ? value : undefined;
};

/** The text at `key`. */
export const text = (from: BencodeDictionary, key: string): string | undefined => {
  const value = from.get(key);
  return value instanceof Uint8Array ? toText(value) : undefined;
};

/** The integer at `key`, if it is a safe one. */
export const integer = (from: BencodeDictionary, key: string): number | undefined => {
  const value = from.get(key);
  return typeof value === "number" ? value : undefined;
};

/** The list at `key`. */
export const list = (from: BencodeDictionary, key: string): BencodeList | undefined => {
  const value = from.get(key);
  return isList(value) ? value : undefined;
};

/** The dictionary at `key`. */
export const dictionary = (from: BencodeDictionary, key: string): BencodeDictionary | undefined => {
  const value = from.get(key);
  return isDictionary(value) ? value : undefined;
};

/** Whether `value` is a list. */
export const isList = (value: BencodeValue | undefined): value is BencodeList => Array.isArray(value);
