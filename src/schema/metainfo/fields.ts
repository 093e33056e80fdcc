/** What the readers of the info dictionary share: its limits, checked access to its fields, and the form that a file has before it is named. */
import type { BencodeDictionary, BencodeList } from "../bencode.ts";
import type { BencodeError } from "../errors/BencodeError.ts";
import type { MetainfoReason } from "../errors/MetainfoError.ts";
import * as Result from "effect/Result";
import * as Dictionary from "../dictionary.ts";
import { MetainfoError } from "../errors/MetainfoError.ts";

/** Pieces of a torrent at the most: what 30 MB of metadata can name, rounded up. */
export const MAX_PIECES = 2_097_152;
/** Bytes of a piece: twice the largest that other clients make or take, so that blocks per piece stay countable. */
export const MAX_PIECE_LENGTH = 2 ** 30;
/** Elements of a path that are taken; libtorrent's limit. */
export const MAX_PATH_DEPTH = 100;
/** Trackers, web seeds or nodes that are kept of each; the rest is dropped. */
export const MAX_URLS = 1000;

/** What a reader gives. */
export type Read<A> = Result.Result<A, MetainfoError | BencodeError>;

/** The digests of the info dictionary. */
export interface Digests {
  /** 20 bytes. */
  readonly sha1: (bytes: Uint8Array) => Uint8Array;
  /** 32 bytes. */
  readonly sha256: (bytes: Uint8Array) => Uint8Array;
}

/** A file as the torrent says, its names still raw. */
export interface RawFile {
  readonly path: ReadonlyArray<Uint8Array>;
  readonly length: number;
  /** Letters of BEP 47. */
  readonly attributes: string;
  readonly symlink?: ReadonlyArray<Uint8Array>;
  readonly piecesRoot?: Uint8Array;
}

/** A failure for `reason`. */
export const refuse = (reason: MetainfoReason): Result.Result<never, MetainfoError> =>
  Result.fail(new MetainfoError({ reason }));

/** A failure because of the value at `key`. */
export const refuseValue = (key: string, why: string): Result.Result<never, MetainfoError> =>
  refuse({ _tag: "BadValue", key, why });

/** A number of bytes: an integer that is neither negative nor beyond exact numbers. */
export const readLength = (from: BencodeDictionary): Result.Result<number, MetainfoError> => {
  const value = from.get("length");
  if (value === undefined) return refuse({ _tag: "Missing", key: "length" });
  return typeof value === "number" && value >= 0
    ? Result.succeed(value)
    : refuseValue("length", "is not a number of bytes");
};

/** The elements of a path: strings, at least one. */
export const readElements = (
  key: string,
  list: BencodeList | undefined,
): Result.Result<ReadonlyArray<Uint8Array>, MetainfoError> => {
  if (list === undefined || list.length === 0) return refuseValue(key, "is not a list of names");
  if (list.length > MAX_PATH_DEPTH) return refuseValue(key, `has more than ${MAX_PATH_DEPTH} names`);
  const elements = list.filter((element) => element instanceof Uint8Array);
  return elements.length === list.length
    ? Result.succeed(elements)
    : refuseValue(key, "has names that are not strings");
};

/** What BEP 47 says about a file of `length` bytes; one with bytes of its own is no link, whatever its attributes. */
export const readAttributes = (
  from: BencodeDictionary,
  length: number,
): Result.Result<Pick<RawFile, "attributes" | "symlink">, MetainfoError> => {
  const attributes = Dictionary.text(from, "attr") ?? "";
  if (!attributes.includes("l") || !from.has("symlink path")) return Result.succeed({ attributes });
  return Result.map(readElements("symlink path", Dictionary.list(from, "symlink path")), (symlink) =>
    length === 0 ? { attributes, symlink } : { attributes },
  );
};
