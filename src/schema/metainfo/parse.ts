/** Reads .torrent files, and the info dictionaries that peers send, into the model of `metainfo.ts`. Pure; total over all bytes. */
import type { Metainfo, TorrentInfo } from "../metainfo.ts";
import type { NameRules } from "../paths.ts";
import type { Digests, Read } from "./fields.ts";
import * as Result from "effect/Result";
import * as Bencode from "../bencode.ts";
import * as Dictionary from "../dictionary.ts";
import { BencodeError } from "../errors/BencodeError.ts";
import { POSIX_NAMES } from "../paths.ts";
import { readNodes, readSeeds, readTrackers } from "./announce.ts";
import { refuse, refuseValue } from "./fields.ts";
import { readInfo } from "./info.ts";
import { readPieceLayers } from "./pieceLayers.ts";

/** How a torrent is read. */
export interface ParseOptions {
  /** What names must suit; default `POSIX_NAMES`. */
  readonly names?: NameRules;
  /** The largest .torrent that is taken, in bytes; default `Bencode.MAX_LENGTH`. */
  readonly maxLength?: number;
}

const shiftOffset = (error: BencodeError, by: number): BencodeError =>
  new BencodeError({ offset: error.offset + by, reason: error.reason });

/** Reads an info dictionary, which must be all of `bytes` (they are kept, not copied). Whether it has the hash that was asked for is for the caller to see. */
export const parseInfo = (bytes: Uint8Array, digests: Digests, options: ParseOptions = {}): Read<TorrentInfo> => {
  const { names = POSIX_NAMES, maxLength = Bencode.MAX_LENGTH } = options;
  return Result.gen(function* () {
    const decoded = yield* Bencode.decodePrefix(bytes, { maxLength });
    if (decoded.end !== bytes.length) yield* Bencode.decode(bytes, { maxLength });
    if (!Bencode.isDictionary(decoded.value)) return yield* refuse({ _tag: "NotDictionary" });
    const canonical = decoded.oddities.length === 0;
    return yield* readInfo(decoded.value, bytes, { digests, names, canonical });
  });
};

/** Reads a .torrent (`bytes` are kept, not copied). Breaches of the canonical form are tolerated with a warning, in v2 and hybrid info dictionaries they are failures. */
export const parseMetainfo = (bytes: Uint8Array, digests: Digests, options: ParseOptions = {}): Read<Metainfo> => {
  const { names = POSIX_NAMES, maxLength = Bencode.MAX_LENGTH } = options;
  return Result.gen(function* () {
    const { end, oddities, spans, value } = yield* Bencode.decodePrefix(bytes, { maxLength });
    if (!Bencode.isDictionary(value)) return yield* refuse({ _tag: "NotDictionary" });
    const span = spans.get("info");
    const raw = value.get("info");
    if (raw === undefined || span === undefined) return yield* refuse({ _tag: "Missing", key: "info" });
    if (!Bencode.isDictionary(raw)) return yield* refuseValue("info", "is no dictionary");
    const canonical = oddities.length === 0;
    const read = readInfo(raw, bytes.subarray(span.start, span.end), { digests, names, canonical });
    const info = yield* Result.mapError(read, (error) =>
      error._tag === "BencodeError" ? shiftOffset(error, span.start) : error,
    );
    const pieceLayers = yield* readPieceLayers(value, info, digests.sha256);
    const comment = Dictionary.text(value, "comment");
    const createdBy = Dictionary.text(value, "created by");
    const creationDate = Dictionary.integer(value, "creation date");
    const warnings = oddities.map((what) => `The torrent has ${what}.`);
    if (end < bytes.length) warnings.push(`The torrent has ${bytes.length - end} bytes after its end.`);
    return {
      info,
      trackers: readTrackers(value),
      webSeeds: readSeeds(value, "url-list"),
      httpSeeds: readSeeds(value, "httpseeds"),
      nodes: readNodes(value),
      pieceLayers,
      ...(comment !== undefined && { comment }),
      ...(createdBy !== undefined && { createdBy }),
      ...(creationDate !== undefined && { creationDate }),
      warnings,
    };
  });
};
