/**
 * Writes .torrent files: info dictionaries (BEP 3, 27, 47), what stands around them (BEP 12, 19), and a .torrent with other surroundings whose
 * info dictionary stays as it is, byte by byte. Pure. Only v1 is written anew; edited is any.
 */
import type { BencodeList, BencodeValue } from "../bencode.ts";
import type { BencodeError } from "../errors/BencodeError.ts";
import type { MetainfoError } from "../errors/MetainfoError.ts";
import * as Result from "effect/Result";
import * as Bencode from "../bencode.ts";
import { concat } from "../bytes.ts";
import * as Dictionary from "../dictionary.ts";
import { refuse } from "./fields.ts";

/** A file to be named in an info dictionary. */
export interface NewFile {
  /** Without the torrent's own root folder; of no account for a torrent of one file. */
  readonly path: ReadonlyArray<string>;
  /** Bytes; 0 for a symbolic link. */
  readonly length: number;
  readonly executable: boolean;
  /** Target of a symbolic link, relative to the torrent's root (BEP 47). */
  readonly symlink?: ReadonlyArray<string>;
}

/** All that a v1 info dictionary says. */
export interface NewInfo {
  readonly name: string;
  readonly layout: "single" | "multi";
  /** Bytes. */
  readonly pieceLength: number;
  /** SHA-1 of each piece. */
  readonly pieces: Uint8Array;
  /** In torrent order; one for `single`. */
  readonly files: ReadonlyArray<NewFile>;
  readonly private: boolean;
  readonly source?: string;
}

/** What stands around an info dictionary. */
export interface Surroundings {
  /** Tiers of announce URLs (BEP 12). */
  readonly trackers: ReadonlyArray<ReadonlyArray<string>>;
  /** BEP 19. */
  readonly webSeeds: ReadonlyArray<string>;
  readonly comment?: string;
  readonly createdBy?: string;
  /** Seconds since 1970. */
  readonly creationDate?: number;
}

/** What is to be otherwise in a .torrent; what is absent stays. */
export interface Changes {
  /** Take the place of all there were; none removes them. */
  readonly trackers?: Surroundings["trackers"] | undefined;
  /** Take the place of all there were, those of BEP 17 included; none removes them. */
  readonly webSeeds?: Surroundings["webSeeds"] | undefined;
  /** The empty text removes it. */
  readonly comment?: string | undefined;
}

const texts = (list: ReadonlyArray<string>): BencodeList => list.map(Dictionary.fromText);

const fileFields = ({ executable, length, symlink }: NewFile) => {
  const attributes = `${executable ? "x" : ""}${symlink === undefined ? "" : "l"}`;
  return {
    length,
    attr: attributes === "" ? undefined : Dictionary.fromText(attributes),
    "symlink path": symlink && texts(symlink),
  };
};

/** The bytes of an info dictionary; the same for the same information. */
export const encodeInfo = (info: NewInfo): Uint8Array => {
  const [first] = info.files;
  return Bencode.encode(
    Dictionary.make({
      name: Dictionary.fromText(info.name),
      "piece length": info.pieceLength,
      pieces: info.pieces,
      private: info.private ? 1 : undefined,
      source: info.source === undefined ? undefined : Dictionary.fromText(info.source),
      ...(info.layout === "single" && first !== undefined
        ? fileFields(first)
        : { files: info.files.map((file) => Dictionary.make({ ...fileFields(file), path: texts(file.path) })) }),
    }),
  );
};

/** Trackers as they are written: a single one without tiers. */
const trackerFields = (tiers: Surroundings["trackers"]): Readonly<Record<string, BencodeValue | undefined>> => {
  const filled = tiers.filter((tier) => tier.length > 0);
  const [first, ...others] = filled.flat();
  return {
    announce: first === undefined ? undefined : Dictionary.fromText(first),
    "announce-list": others.length === 0 ? undefined : filled.map(texts),
  };
};

const seedFields = (webSeeds: Surroundings["webSeeds"]): Readonly<Record<string, BencodeValue | undefined>> => ({
  "url-list": webSeeds.length === 0 ? undefined : texts(webSeeds),
});

const commentFields = (comment: string): Readonly<Record<string, BencodeValue | undefined>> => ({
  comment: comment === "" ? undefined : Dictionary.fromText(comment),
});

/** A dictionary of values that are encoded already; keys as in `BencodeDictionary`. */
const encodeFields = (fields: ReadonlyMap<string, Uint8Array>): Uint8Array => {
  const parts: Array<Uint8Array> = [Bencode.keyToBytes("d")];
  for (const [key, value] of [...fields].sort(([a], [b]) => (a < b ? -1 : 1))) {
    parts.push(Bencode.encode(Bencode.keyToBytes(key)), value);
  }
  parts.push(Bencode.keyToBytes("e"));
  return concat(parts);
};

const put = (
  fields: Map<string, Uint8Array>,
  values: Readonly<Record<string, BencodeValue | undefined>>,
): Map<string, Uint8Array> => {
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined) fields.delete(key);
    else fields.set(key, Bencode.encode(value));
  }
  return fields;
};

/** The bytes of a .torrent around the bytes of an info dictionary. */
export const encodeMetainfo = (info: Uint8Array, around: Surroundings): Uint8Array =>
  encodeFields(
    put(new Map([["info", info]]), {
      ...trackerFields(around.trackers),
      ...seedFields(around.webSeeds),
      ...commentFields(around.comment ?? ""),
      "created by": around.createdBy === undefined ? undefined : Dictionary.fromText(around.createdBy),
      "creation date": around.creationDate,
    }),
  );

/** The .torrent with the changes made; all else, and the info dictionary first of all, keeps its very bytes. Fails for bytes that are no .torrent. */
export const editMetainfo = (
  bytes: Uint8Array,
  { comment, trackers, webSeeds }: Changes,
): Result.Result<Uint8Array, BencodeError | MetainfoError> =>
  Result.gen(function* () {
    const { spans, value } = yield* Bencode.decodePrefix(bytes);
    if (!Bencode.isDictionary(value)) return yield* refuse({ _tag: "NotDictionary" });
    if (!Bencode.isDictionary(value.get("info"))) return yield* refuse({ _tag: "Missing", key: "info" });
    const fields = new Map([...spans].map(([key, { start, end }]) => [key, bytes.subarray(start, end)] as const));
    return encodeFields(
      put(fields, {
        ...(trackers && trackerFields(trackers)),
        ...(webSeeds && { ...seedFields(webSeeds), httpseeds: undefined }),
        ...(comment !== undefined && { ...commentFields(comment), "comment.utf-8": undefined }),
      }),
    );
  });
