/** Asking trackers how many share a torrent, over HTTP (BEP 48) and UDP (BEP 15). Pure; nothing is announced by it. */
import * as Result from "effect/Result";
import { decode, isDictionary, keyFromBytes } from "./bencode.ts";
import * as Dictionary from "./dictionary.ts";
import type { TrackerReason } from "./errors/TrackerError.ts";
import { INFO_HASH_LENGTH, type InfoHash } from "./infoHash.ts";
import { humanText } from "./tracker.ts";
import { MAX_BODY, percentEncode } from "./trackerHttp.ts";

/** Torrents in one UDP scrape (BEP 15). */
export const MAX_UDP_SCRAPE = 74;

/** Nesting of an answer: files, a torrent, its counts, and room for extensions. */
const MAX_DEPTH = 16;
const ACTION_SCRAPE = 2;
const REQUEST_HEAD = 16;
const ANSWER_HEAD = 8;
const ENTRY_LENGTH = 12;

/** How one torrent stands with a tracker. */
export interface ScrapeCounts {
  readonly seeders: number;
  readonly leechers: number;
  /** How often it was downloaded to the end. */
  readonly completed: number;
  /** Of the leechers, those that download; the others are partial seeds (BEP 21). Absent when the tracker does not say. */
  readonly downloaders?: number;
}

/** How a torrent stands that a tracker does not know. */
export const NO_COUNTS: ScrapeCounts = { seeders: 0, leechers: 0, completed: 0 };

/** The counts by info-hash in hex; torrents that the tracker left out are missing. */
export type Scrape = ReadonlyMap<string, ScrapeCounts>;

/** The scrape URL that belongs to an announce URL; undefined when the tracker has none (BEP 48). */
export const scrapeUrl = (url: string, infoHashes: ReadonlyArray<InfoHash>): string | undefined => {
  const parts = /^(https?:\/\/[^/?#]+\/(?:[^?#]*\/)?)announce([^/?#]*)(\?[^#]*)?(?:#.*)?$/is.exec(url);
  if (parts === null) return undefined;
  const [, before = "", suffix = "", query = ""] = parts;
  const hashes = infoHashes.map(({ bytes }) => `info_hash=${percentEncode(bytes)}`).join("&");
  return `${before}scrape${suffix}${query === "" ? "?" : `${query}&`}${hashes}`;
};

/** Reads the answer to an HTTP scrape; torrents that were not asked for are ignored. */
export const decodeScrape = (
  body: Uint8Array,
  infoHashes: ReadonlyArray<InfoHash>,
): Result.Result<Scrape, TrackerReason> => {
  const value = decode(body, { maxLength: MAX_BODY, maxDepth: MAX_DEPTH });
  if (Result.isFailure(value)) return Result.fail({ _tag: "Malformed", why: value.failure.message });
  if (!isDictionary(value.success)) return Result.fail({ _tag: "Malformed", why: "it is no dictionary" });
  const failure = Dictionary.bytes(value.success, "failure reason");
  if (failure !== undefined) return Result.fail({ _tag: "Rejected", text: humanText(failure) });
  const files = Dictionary.dictionary(value.success, "files");
  const counts = new Map<string, ScrapeCounts>();
  for (const { hex, bytes } of infoHashes) {
    const entry = files && Dictionary.dictionary(files, keyFromBytes(bytes));
    if (entry === undefined) continue;
    const count = (key: string) => Math.max(0, Dictionary.integer(entry, key) ?? 0);
    counts.set(hex, {
      seeders: count("complete"),
      leechers: count("incomplete"),
      completed: count("downloaded"),
      ...(Dictionary.integer(entry, "downloaders") !== undefined && { downloaders: count("downloaders") }),
    });
  }
  return Result.succeed(counts);
};

/** A UDP scrape request for up to `MAX_UDP_SCRAPE` torrents; more are left out. */
export const encodeUdpScrape = (
  envelope: { readonly connectionId: bigint; readonly transactionId: number },
  infoHashes: ReadonlyArray<InfoHash>,
): Uint8Array => {
  const asked = infoHashes.slice(0, MAX_UDP_SCRAPE);
  const packet = new Uint8Array(REQUEST_HEAD + asked.length * INFO_HASH_LENGTH);
  const data = new DataView(packet.buffer);
  data.setBigUint64(0, envelope.connectionId);
  data.setUint32(8, ACTION_SCRAPE);
  data.setUint32(12, envelope.transactionId);
  asked.forEach(({ bytes }, index) => packet.set(bytes, REQUEST_HEAD + index * INFO_HASH_LENGTH));
  return packet;
};

/** Reads the answer to a UDP scrape: counts in the order asked; undefined for bytes that are none. */
export const decodeUdpScrape = (packet: Uint8Array, infoHashes: ReadonlyArray<InfoHash>): Scrape | undefined => {
  const data = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  if (packet.length < ANSWER_HEAD || data.getUint32(0) !== ACTION_SCRAPE) return undefined;
  const counts = new Map<string, ScrapeCounts>();
  for (const [index, { hex }] of infoHashes.slice(0, MAX_UDP_SCRAPE).entries()) {
    const at = ANSWER_HEAD + index * ENTRY_LENGTH;
    if (at + ENTRY_LENGTH > packet.length) break;
    const [seeders, completed, leechers] = [data.getUint32(at), data.getUint32(at + 4), data.getUint32(at + 8)];
    counts.set(hex, { seeders, completed, leechers });
  }
  return counts;
};
