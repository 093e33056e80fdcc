/**
 * Web seeds: the URLs by which the bytes of a torrent are asked for over HTTP, and what the headers of the answers say (BEP 17, 19; RFC 9110). Pure;
 * the requests themselves are `services/WebSeed/http.ts`.
 */
import * as Result from "effect/Result";
import { decode, isDictionary } from "./bencode.ts";
import * as Dictionary from "./dictionary.ts";
import type { InfoHash } from "./infoHash.ts";
import type { TorrentInfo } from "./metainfo.ts";
import { percentEncode } from "./trackerHttp.ts";

/** Bytes asked for in one go at the most, as in libtorrent. */
export const MAX_RANGE = 16 * 1024 * 1024;
/** Seconds to wait where a seed is busy and does not say how long. */
export const DEFAULT_RETRY = 30;
/** Seconds that a seed may make us wait; it is asked again then, whatever it said. */
export const MAX_RETRY = 3_600;

/** Bytes `from` to `to`, which is not among them. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

/** The names of a file as the torrent has them, before they were made safe for disks; the root folder is not among them. */
const rawPaths = (info: TorrentInfo): ReadonlyArray<ReadonlyArray<Uint8Array>> => {
  const safe = info.files.map(({ path }) => path.map(Dictionary.fromText));
  const decoded = Result.getOrUndefined(decode(info.bytes));
  const entries = isDictionary(decoded) ? Dictionary.list(decoded, "files") : undefined;
  if (entries === undefined || entries.length !== safe.length) return safe;
  return entries.map((entry, index) => {
    const path = isDictionary(entry) ? (entry.get("path.utf-8") ?? entry.get("path")) : undefined;
    const names = Dictionary.isList(path) ? path.filter((name) => name instanceof Uint8Array) : [];
    return names.length > 0 ? names : (safe[index] ?? []);
  });
};

const rawName = (info: TorrentInfo): Uint8Array => {
  const decoded = Result.getOrUndefined(decode(info.bytes));
  const name = isDictionary(decoded)
    ? (Dictionary.bytes(decoded, "name.utf-8") ?? Dictionary.bytes(decoded, "name"))
    : undefined;
  return name ?? Dictionary.fromText(info.name);
};

/** A function that gives the URL of each file under the seeds of a torrent (BEP 19), by the file's index. */
export const makeFileUrls = (info: TorrentInfo): ((seed: string, file: number) => string) => {
  const name = percentEncode(rawName(info));
  if (info.layout === "single") return (seed) => (seed.endsWith("/") ? `${seed}${name}` : seed);
  const paths = rawPaths(info).map((path) => path.map(percentEncode).join("/"));
  return (seed, file) => `${seed.replace(/\/$/, "")}/${name}/${paths[file] ?? ""}`;
};

/** The URL that asks for ranges of piece `index` (BEP 17), bytes counted from its beginning; without ranges for all of it. */
export const httpSeedUrl = (
  seed: string,
  infoHash: InfoHash,
  piece: { readonly index: number; readonly ranges: ReadonlyArray<ByteRange> },
): string => {
  const joint = !seed.includes("?") ? "?" : /[?&]$/.test(seed) ? "" : "&";
  const ranges = piece.ranges.map(({ from, to }) => `${from}-${to - 1}`).join(",");
  const query = `info_hash=${percentEncode(infoHash.bytes)}&piece=${piece.index}`;
  return `${seed}${joint}${query}${ranges === "" ? "" : `&ranges=${ranges}`}`;
};

/** Reads `Content-Range: bytes 0-99/1000`; undefined when it makes no sense. `total` is absent where the server does not know it. */
export const parseContentRange = (text: string): (ByteRange & { readonly total?: number }) | undefined => {
  const match = /^\s*bytes\s+(\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)\s*$/i.exec(text);
  if (match === null) return undefined;
  const from = Number(match[1]);
  const to = Number(match[2]) + 1;
  const total = match[3] === "*" ? undefined : Number(match[3]);
  if (to <= from || (total !== undefined && to > total)) return undefined;
  return { from, to, ...(total !== undefined && { total }) };
};

/** Seconds that a busy seed asks for, from 1 to `MAX_RETRY`: of `Retry-After` (a number or a date), else of a body that is a number (BEP 17), else the default. */
export const retryAfter = (
  header: string | undefined,
  body: string,
  /** Milliseconds since 1970. */
  now: number,
): number => {
  const bounded = (seconds: number): number => Math.min(Math.max(Math.ceil(seconds), 1), MAX_RETRY);
  for (const text of [header?.trim() ?? "", body.trim()]) if (/^\d{1,9}$/.test(text)) return bounded(Number(text));
  const date = header === undefined ? Number.NaN : Date.parse(header);
  return Number.isNaN(date) ? DEFAULT_RETRY : bounded((date - now) / 1000);
};

/** A seed's URL as it may be shown: without user name and password. Undefined when it is no http or https URL. */
export const shownUrl = (url: string): string | undefined =>
  /^https?:\/\/[^/?#\\]/i.test(url) && URL.canParse(url) ? url.replace(/^(https?:\/\/)[^/?#\\]*@/i, "$1") : undefined;
