/** Where a .torrent says that peers and data are found: trackers, web seeds, DHT nodes (BEP 3, 5, 12, 17, 19). Never a failure: what makes no sense is left out. */
import type { BencodeDictionary, BencodeValue } from "../bencode.ts";
import type { Metainfo } from "../metainfo.ts";
import * as Dictionary from "../dictionary.ts";
import { MAX_URLS } from "./fields.ts";

/** Those of `values` that are strings, trimmed, not empty and not in `seen`, which grows to `MAX_URLS` at the most. */
const takeUrls = (seen: Set<string>, given: Iterable<BencodeValue>): Array<string> => {
  const urls: Array<string> = [];
  for (const value of given) {
    const url = value instanceof Uint8Array ? Dictionary.toText(value).trim() : "";
    if (url === "" || seen.has(url) || seen.size >= MAX_URLS) continue;
    seen.add(url);
    urls.push(url);
  }
  return urls;
};

/** A list's values; a single string counts as a list of one. */
const values = (from: BencodeDictionary, key: string): ReadonlyArray<BencodeValue> => {
  const value = from.get(key);
  if (value === undefined) return [];
  return Dictionary.isList(value) ? value : [value];
};

/** Tiers in the torrent's order; `announce` counts only where `announce-list` holds none (BEP 12). */
export const readTrackers = (from: BencodeDictionary): Metainfo["trackers"] => {
  const seen = new Set<string>();
  const tiers: Array<ReadonlyArray<string>> = [];
  for (const tier of values(from, "announce-list")) {
    const urls = takeUrls(seen, Dictionary.isList(tier) ? tier : [tier]);
    if (urls.length > 0) tiers.push(urls);
  }
  if (tiers.length > 0) return tiers;
  const urls = takeUrls(seen, values(from, "announce"));
  return urls.length > 0 ? [urls] : [];
};

/** URLs of the seeds at `key` (`url-list`, `httpseeds`), spaces escaped. */
export const readSeeds = (from: BencodeDictionary, key: string): ReadonlyArray<string> =>
  takeUrls(new Set(), values(from, key)).map((url) => url.replaceAll(" ", "%20"));

/** DHT nodes. */
export const readNodes = (from: BencodeDictionary): Metainfo["nodes"] => {
  const nodes: Array<Metainfo["nodes"][number]> = [];
  for (const node of values(from, "nodes").slice(0, MAX_URLS)) {
    const [host, port] = Dictionary.isList(node) ? node : [];
    if (!(host instanceof Uint8Array) || host.length === 0 || host.length > 255) continue;
    if (typeof port !== "number" || port < 1 || port > 65_535) continue;
    nodes.push({ host: Dictionary.toText(host), port });
  }
  return nodes;
};
