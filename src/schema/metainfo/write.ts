/**
 * Writes .torrent files: what stands around an info dictionary (BEP 12, 19, and the piece layers of BEP 52), and a .torrent with other surroundings whose
 * info dictionary stays as it is, byte by byte. Pure.
 */
import type { BencodeValue } from "../bencode.ts";
import type { BencodeError } from "../errors/BencodeError.ts";
import type { MetainfoError } from "../errors/MetainfoError.ts";
import type { Metainfo } from "../metainfo.ts";
import * as Hex from "effect/encoding/Hex";
import * as Result from "effect/Result";
import * as Bencode from "../bencode.ts";
import { concat } from "../bytes.ts";
import * as Dictionary from "../dictionary.ts";
import { refuse } from "./fields.ts";
import { texts } from "./writeInfo.ts";

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
  /** For v2 and hybrids: the layers by root in hex (BEP 52). */
  readonly pieceLayers?: Metainfo["pieceLayers"];
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

/** Keys are the roots themselves. There even where no file has a layer: so libtorrent does. */
const layerFields = (layers: Metainfo["pieceLayers"]): Readonly<Record<string, BencodeValue | undefined>> => {
  const byRoot = [...layers].map(
    ([root, layer]) => [Bencode.keyFromBytes(Result.getOrThrow(Hex.decode(root))), layer] as const,
  );
  return { "piece layers": new Map(byRoot) };
};

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
      ...(around.pieceLayers && layerFields(around.pieceLayers)),
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
