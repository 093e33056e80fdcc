/** Bytes that are not bencoding, or more of it than is taken; what they came in is not used (status 3 for a .torrent). */
import * as Data from "effect/Data";
import { kebab } from "./kebab.ts";

/** What is wrong at the offset. */
export type BencodeReason =
  | { readonly _tag: "UnexpectedEnd" }
  | { readonly _tag: "UnexpectedByte"; readonly byte: number; readonly expected: string }
  | { readonly _tag: "BadInteger"; readonly why: string }
  | { readonly _tag: "IntegerTooLong"; readonly limit: number }
  /** A string that runs past the end. */
  | { readonly _tag: "StringPastEnd" }
  | { readonly _tag: "KeyNotString" }
  | { readonly _tag: "KeyWithoutValue" }
  | { readonly _tag: "TrailingBytes"; readonly length: number }
  /** Where the canonical form is asked for. */
  | { readonly _tag: "NotCanonical"; readonly what: string }
  | { readonly _tag: "TooDeep"; readonly limit: number }
  | { readonly _tag: "TooManyTokens"; readonly limit: number }
  | { readonly _tag: "TooLarge"; readonly length: number; readonly limit: number };

const sentence = (reason: BencodeReason): string => {
  switch (reason._tag) {
    case "UnexpectedEnd":
      return "it ends too early";
    case "UnexpectedByte":
      return `0x${reason.byte.toString(16).padStart(2, "0")} where ${reason.expected} should be`;
    case "BadInteger":
      return `an integer with ${reason.why}`;
    case "IntegerTooLong":
      return `an integer of more than ${reason.limit} digits`;
    case "StringPastEnd":
      return "a string that runs past the end";
    case "KeyNotString":
      return "a key that is not a string";
    case "KeyWithoutValue":
      return "a key without a value";
    case "TrailingBytes":
      return `${reason.length} bytes after the end`;
    case "NotCanonical":
      return reason.what;
    case "TooDeep":
      return `nested deeper than ${reason.limit}`;
    case "TooManyTokens":
      return `more than ${reason.limit} values`;
    case "TooLarge":
      return `${reason.length} bytes, more than the ${reason.limit} that are taken`;
  }
};

/** Reading bencoded bytes failed at `offset` (bytes from the start of what was read). */
export class BencodeError extends Data.TaggedError("BencodeError")<{
  readonly offset: number;
  readonly reason: BencodeReason;
}> {
  /** `bencode.unexpected-end`, `bencode.too-deep` … */
  get code(): string {
    return `bencode.${kebab(this.reason._tag)}`;
  }
  override get message(): string {
    return `damaged or not bencoded (at byte ${this.offset}: ${sentence(this.reason)})`;
  }
}
