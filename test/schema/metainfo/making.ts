/** Torrents that are made up field by field, and what is read of them. */
import { Result } from "effect";
import type { BencodeValue } from "../../../src/schema/bencode.ts";
import * as Bencode from "../../../src/schema/bencode.ts";
import * as Dictionary from "../../../src/schema/dictionary.ts";
import { parseMetainfo } from "../../../src/schema/metainfo/parse.ts";
import { digests } from "../../support/digests.ts";

/** What a dictionary holds. */
export type Fields = Readonly<Record<string, BencodeValue | undefined>>;

/** Bytes of a text. */
export const text = Dictionary.fromText;
/** A list of them. */
export const texts = (...all: ReadonlyArray<string>) => all.map(text);
/** The length of pieces. */
export const PIECE = 16_384;
/** A root of pieces, when it does not matter of which. */
export const ROOT = new Uint8Array(32).fill(1);

/** So many hashes of v1. */
export const pieces = (count: number): Uint8Array => new Uint8Array(20 * count);
/** A v1 torrent of a single file. */
export const single: Fields = { name: text("a.bin"), length: 5, "piece length": PIECE, pieces: pieces(1) };
/** A file of a v1 torrent. */
export const file = (length: number, path: ReadonlyArray<string>, more: Fields = {}) =>
  Dictionary.make({ length, path: texts(...path), ...more });
/** A v1 torrent of these files. */
export const multi = (files: ReadonlyArray<BencodeValue>, count = 1): Fields => ({
  name: text("folder"),
  files,
  "piece length": PIECE,
  pieces: pieces(count),
});
/** A file in a tree of v2. */
export const leaf = (length: number, root: Uint8Array | undefined = ROOT) =>
  Dictionary.make({ "": Dictionary.make({ length, "pieces root": length > 0 ? root : undefined }) });
/** A v2 torrent of this tree. */
export const v2 = (tree: Fields, more: Fields = {}): Fields => ({
  name: text("folder"),
  "meta version": 2,
  "piece length": PIECE,
  "file tree": Dictionary.make(tree),
  ...more,
});

/** The .torrent with this info dictionary, and what is around that. */
export const bytesOf = (info: Fields, around: Fields = {}): Uint8Array =>
  Bencode.encode(Dictionary.make({ info: Dictionary.make(info), ...around }));
/** What is read of it. */
export const parsed = (info: Fields, around?: Fields) =>
  Result.getOrThrowWith(parseMetainfo(bytesOf(info, around), digests), (error) => error);
/** The code of the error that reading it gives. */
export const codeOf = (info: Fields, around?: Fields): string =>
  Result.match(parseMetainfo(bytesOf(info, around), digests), {
    onFailure: (error) => error.code,
    onSuccess: () => "parsed",
  });
