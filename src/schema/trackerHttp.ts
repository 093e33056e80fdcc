/**
 * Announces over HTTP (BEP 3, 7, 23, 24, 31): the URL that asks and the bencoded dictionary that answers. Pure; sockets, redirects and
 * compression are `services/Tracker/http.ts`.
 */
import * as NetAddress from "effect/net/NetAddress";
import * as Result from "effect/Result";
import { decode, isDictionary, type BencodeDictionary, type BencodeValue } from "./bencode.ts";
import { decodePeers, decodePeers6 } from "./compactPeers.ts";
import * as Dictionary from "./dictionary.ts";
import type { TrackerReason } from "./errors/TrackerError.ts";
import {
  humanText,
  ipFromBytes,
  isDialable,
  MAX_PEERS,
  type AnnounceRequest,
  type AnnounceResponse,
} from "./tracker.ts";

/** Bytes of an answer, packed or unpacked: several times what 3,000 peers take in the wordiest form. */
export const MAX_BODY = 1024 * 1024;
/** Bencoded values in an answer: 3,000 peers as dictionaries of four entries, several times over. */
const MAX_TOKENS = 200_000;
/** Nesting of an answer: a dictionary of lists of dictionaries, and room for extensions. */
const MAX_DEPTH = 16;
/** Characters of a `tracker id` that are kept and sent back. */
const MAX_TRACKER_ID = 256;

const UNRESERVED = /[A-Za-z0-9\-._~]/;
const encoder = new TextEncoder();

/** Percent-encodes every byte that is not unreserved (RFC 3986). */
export const percentEncode = (bytes: Uint8Array): string => {
  let text = "";
  for (const byte of bytes) {
    const char = String.fromCharCode(byte);
    text += UNRESERVED.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return text;
};

/** What `event` says: of a partial seed `paused`, in every announce until it leaves (BEP 21). */
const eventOf = ({ event, partialSeed }: AnnounceRequest): string =>
  partialSeed === true && event !== "stopped" ? "paused" : event;

/** The URL of an announce: the tracker's own, its query kept as it is, with what we say appended. */
export const announceUrl = (url: string, request: AnnounceRequest): string => {
  const event = eventOf(request);
  const query = [
    `info_hash=${percentEncode(request.infoHash.bytes)}`,
    `peer_id=${percentEncode(request.peerId)}`,
    `port=${request.port}`,
    `uploaded=${request.uploaded}`,
    `downloaded=${request.downloaded}`,
    `left=${request.left}`,
    ...(event === "none" ? [] : [`event=${event}`]),
    "compact=1",
    "no_peer_id=1",
    `numwant=${request.numwant}`,
    `key=${request.key.toString(16).toUpperCase().padStart(8, "0")}`,
    ...(request.trackerId === undefined ? [] : [`trackerid=${percentEncode(encoder.encode(request.trackerId))}`]),
  ].join("&");
  const base = url.replace(/#.*$/s, "");
  const joint = !base.includes("?") ? "?" : /[?&]$/.test(base) ? "" : "&";
  return `${base}${joint}${query}`;
};

/** Where an HTTP request goes. */
export interface HttpTarget {
  readonly secure: boolean;
  /** A name in ASCII or an IP literal, without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** Path and query, byte for byte as in the URL; what HTTP cannot carry is percent-encoded. */
  readonly path: string;
  /** `user:password`, when the URL has them. */
  readonly auth?: string;
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    // a stray % in a password stands for itself
    return text;
  }
};

/** Takes an http or https URL apart without re-encoding its path and query; undefined when it is none. */
export const httpTarget = (url: string): HttpTarget | undefined => {
  const parts = /^https?:\/\/[^/?#\\]+([^#]*)/i.exec(url);
  if (parts === null || !URL.canParse(url)) return undefined;
  // only the authority is taken from the parsed URL: it normalises names and addresses, and would destroy raw bytes of the query
  const { protocol, hostname, port, username, password } = new URL(url);
  const secure = protocol === "https:";
  const path = (parts[1] ?? "").replaceAll(/[^\x21-\x7e]+/g, (other) => percentEncode(encoder.encode(other)));
  return {
    secure,
    hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: port === "" ? (secure ? 443 : 80) : Number(port),
    path: path.startsWith("/") ? path : `/${path}`,
    ...(username !== "" && { auth: `${decoded(username)}:${decoded(password)}` }),
  };
};

/** Resolves the `Location` of a redirect against the URL that gave it; undefined when it leads nowhere that HTTP can follow. */
export const redirectUrl = (from: string, location: string): string | undefined => {
  const base = /^(https?:)(\/\/[^/?#\\]+)([^?#]*)/i.exec(from);
  if (base === null || location === "") return undefined;
  const [, scheme = "", authority = "", path = ""] = base;
  const resolved = /^[a-z][a-z0-9+.-]*:/i.test(location)
    ? location
    : location.startsWith("//")
      ? `${scheme}${location}`
      : location.startsWith("/")
        ? `${scheme}${authority}${location}`
        : location.startsWith("?")
          ? `${scheme}${authority}${path}${location}`
          : `${scheme}${authority}${path.replace(/[^/]*$/, "") || "/"}${location}`;
  return httpTarget(resolved) === undefined ? undefined : resolved;
};

const dictionaryPeer = (value: BencodeValue): NetAddress.InetAddress | undefined => {
  if (!isDictionary(value)) return undefined;
  const ip = Dictionary.text(value, "ip");
  const port = Dictionary.integer(value, "port");
  if (ip === undefined || port === undefined) return undefined;
  return Result.getOrUndefined(NetAddress.inetAddressFromIpString(ip, port));
};

const peersOf = (answer: BencodeDictionary): ReadonlyArray<NetAddress.InetAddress> => {
  const compact = Dictionary.bytes(answer, "peers");
  const compact6 = Dictionary.bytes(answer, "peers6");
  const all = [
    ...(compact === undefined ? [] : decodePeers(compact.subarray(0, MAX_PEERS * 6))),
    ...(compact6 === undefined ? [] : decodePeers6(compact6.subarray(0, MAX_PEERS * 18))),
    // entries whose `ip` is a host name are left out: nobody is asked to resolve names that a tracker makes up
    ...(Dictionary.list(answer, "peers") ?? []).slice(0, MAX_PEERS).flatMap((entry) => dictionaryPeer(entry) ?? []),
  ];
  return all.filter(isDialable).slice(0, MAX_PEERS);
};

const count = (answer: BencodeDictionary, key: string): number | undefined => {
  const value = Dictionary.integer(answer, key);
  return value !== undefined && value >= 0 ? value : undefined;
};

/** `retry in` (BEP 31): minutes, as an integer or in decimal, or `never`. In seconds. */
const retryIn = (answer: BencodeDictionary): number | "never" | undefined => {
  const text = Dictionary.text(answer, "retry in");
  if (text === "never") return text;
  const minutes = text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : count(answer, "retry in");
  return minutes === undefined ? undefined : minutes * 60;
};

/** Reads the answer to an announce; unsorted keys are fine. A failure says what the tracker said, or why the bytes are no answer. */
export const decodeAnnounce = (body: Uint8Array): Result.Result<AnnounceResponse, TrackerReason> => {
  const value = decode(body, { maxLength: MAX_BODY, maxDepth: MAX_DEPTH, maxTokens: MAX_TOKENS });
  if (Result.isFailure(value)) return Result.fail({ _tag: "Malformed", why: value.failure.message });
  const answer = value.success;
  if (!isDictionary(answer)) return Result.fail({ _tag: "Malformed", why: "it is no dictionary" });
  const failure = Dictionary.bytes(answer, "failure reason");
  if (failure !== undefined) {
    const retry = retryIn(answer);
    return Result.fail({
      _tag: "Rejected",
      text: humanText(failure),
      ...(retry !== undefined && { retryIn: retry }),
    });
  }
  const minInterval = count(answer, "min interval");
  const trackerId = Dictionary.text(answer, "tracker id");
  const warning = Dictionary.bytes(answer, "warning message");
  const seeders = count(answer, "complete");
  const leechers = count(answer, "incomplete");
  const externalIp = ipFromBytes(Dictionary.bytes(answer, "external ip"));
  return Result.succeed({
    peers: peersOf(answer),
    interval: count(answer, "interval") ?? 0,
    ...(minInterval !== undefined && { minInterval }),
    ...(trackerId !== undefined && trackerId.length <= MAX_TRACKER_ID && { trackerId }),
    ...(warning !== undefined && warning.length > 0 && { warning: humanText(warning) }),
    ...(seeders !== undefined && { seeders }),
    ...(leechers !== undefined && { leechers }),
    ...(externalIp !== undefined && { externalIp }),
  });
};
