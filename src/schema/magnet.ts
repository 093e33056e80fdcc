/**
 * Magnet links (BEP 9, 53), the one front of the `magnet-uri` package. The package throws on bad escapes, expands file ranges without
 * bound and takes any characters for a hash; so the parameters are split, unescaped and checked here, and it sees only what passed.
 */
import * as Hex from "effect/encoding/Hex";
import * as Option from "effect/Option";
import * as Result from "effect/Result";
import * as magnetUri from "magnet-uri";
import type { InfoHash } from "./infoHash.ts";
import { MagnetError } from "./errors/MagnetError.ts";
import { fromBytes } from "./infoHash.ts";
import { formatHostPort, type HostPort } from "./hostPort.ts";

/** What a magnet link says, checked and bounded. */
export interface Magnet {
  /** The hash used on the wire: v1's where there is one, else the truncated v2 hash. */
  readonly infoHash: InfoHash;
  readonly infoHashV1?: string;
  readonly infoHashV2?: string;
  /** `dn`, as given (not sanitised). */
  readonly name?: string;
  /** `xl`, bytes. */
  readonly length?: number;
  /** `tr`: each its own tier. */
  readonly trackers: ReadonlyArray<string>;
  readonly webSeeds: ReadonlyArray<string>;
  /** `x.pe`, split but not resolved. */
  readonly peers: ReadonlyArray<HostPort>;
  /** `dht` nodes. */
  readonly nodes: ReadonlyArray<HostPort>;
  /** `so` (BEP 53): inclusive ranges of file indices, not expanded. */
  readonly selectOnly?: ReadonlyArray<readonly [first: number, last: number]>;
}

/** Characters of a link that are read: room for a hundred trackers and peers, far from anything that costs time. */
export const MAX_MAGNET_LENGTH = 65_536;

const PREFIX = /^magnet:(?:\/\/)?\/?\?/i;
const HEX_HASH = /^[0-9a-f]{40}$/i;
const BASE32_HASH = /^[a-z2-7]{32}$/i;
const V2_HASH = /^[0-9a-f]{64}$/i;
const V1_TOPIC = /^urn:btih:(?=[0-9a-f]{40}$|[a-z2-7]{32}$)(.*)$/i;
const V2_TOPIC = /^urn:btmh:1220([0-9a-f]{64})$/i;
const ANY_TOPIC = /^urn:bt[im]h:/i;
const NUMBERED = /\.\d+$/;
const ENDPOINT = /^(?:\[([0-9a-f:.]+)\]|([\w.-]+)):(\d{1,5})$/i;
const RANGE = /^(\d{1,10})(?:-(\d{1,10}))?$/;
const NUMBER = /^\d{1,16}$/;

/** What `%XX` stand for; none when they stand for no text. */
const unescape = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
};

/** Values by key in lower case, without the number of repeated keys (`tr.1`); what cannot be unescaped is left out. */
const readParameters = (query: string): ReadonlyMap<string, ReadonlyArray<string>> => {
  const parameters = new Map<string, Array<string>>();
  for (const parameter of query.split("&")) {
    const equals = parameter.indexOf("=");
    if (equals < 1) continue;
    const key = parameter.slice(0, equals).toLowerCase().replace(NUMBERED, "");
    const raw = parameter.slice(equals + 1).toWellFormed();
    const value = unescape(key === "dn" ? raw.replaceAll("+", " ") : raw)?.trim();
    if (value === undefined || value === "") continue;
    const values = parameters.get(key);
    if (values === undefined) parameters.set(key, [value]);
    else values.push(value);
  }
  return parameters;
};

const readHostPort = (text: string): HostPort | undefined => {
  const match = ENDPOINT.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host !== undefined && port > 0 && port < 65_536 ? { host, port } : undefined;
};

const readHostPorts = (texts: Iterable<string>): ReadonlyArray<HostPort> =>
  [...new Set(texts)].map(readHostPort).filter((at) => at !== undefined);

const readRanges = (texts: ReadonlyArray<string>): Magnet["selectOnly"] => {
  const ranges: Array<readonly [number, number]> = [];
  for (const text of texts.join(",").split(",")) {
    const match = RANGE.exec(text.trim());
    if (match === null) continue;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (first <= last) ranges.push([first, last]);
  }
  return ranges.length === 0 ? undefined : ranges;
};

const fail = (reason: MagnetError["reason"]): Result.Result<never, MagnetError> =>
  Result.fail(new MagnetError({ reason }));

/** The link without what was not checked, in the form that the package reads rightly. */
const checkedLink = (topics: ReadonlyArray<string>, lists: Readonly<Record<string, ReadonlyArray<string>>>): string => {
  const parameters = topics.map((topic) => `xt=${topic}`);
  for (const [key, values] of Object.entries(lists)) {
    for (const value of values) parameters.push(`${key}=${encodeURIComponent(value)}`);
  }
  return `magnet:?${parameters.join("&")}`;
};

/** Reads a magnet link, or a bare info-hash. Parameters that make no sense are left out, only the info-hash must be right. Never throws. */
export const parseMagnet = (text: string): Result.Result<Magnet, MagnetError> => {
  const link = text.trim();
  if (link.length > MAX_MAGNET_LENGTH) {
    return fail({ _tag: "TooLong", length: link.length, limit: MAX_MAGNET_LENGTH });
  }
  if (HEX_HASH.test(link) || BASE32_HASH.test(link)) return parseMagnet(`magnet:?xt=urn:btih:${link}`);
  if (V2_HASH.test(link)) return parseMagnet(`magnet:?xt=urn:btmh:1220${link}`);
  const prefix = PREFIX.exec(link);
  if (prefix === null) return fail({ _tag: "NotMagnet" });
  const parameters = readParameters(link.slice(prefix[0].length));
  const all = (key: string): ReadonlyArray<string> => parameters.get(key) ?? [];

  const topics = all("xt");
  const v1 = topics.map((topic) => V1_TOPIC.exec(topic)?.[1]).find((hash) => hash !== undefined);
  const v2 = topics.map((topic) => V2_TOPIC.exec(topic)?.[1]).find((hash) => hash !== undefined);
  const checked = magnetUri.decode(
    checkedLink(
      [
        ...(v1 === undefined ? [] : [`urn:btih:${v1.toUpperCase()}`]),
        ...(v2 === undefined ? [] : [`urn:btmh:1220${v2}`]),
      ],
      { tr: all("tr"), ws: [...all("ws"), ...all("as")] },
    ),
  );
  const { infoHashBuffer, infoHashV2Buffer } = checked;
  const infoHash = Option.flatMap(Option.fromUndefinedOr(infoHashBuffer ?? infoHashV2Buffer), fromBytes);
  if (Option.isNone(infoHash)) {
    return fail({ _tag: topics.some((topic) => ANY_TOPIC.test(topic)) ? "BadInfoHash" : "NoInfoHash" });
  }
  const [name] = all("dn");
  const length = all("xl").find((value) => NUMBER.test(value) && Number.isSafeInteger(Number(value)));
  const selectOnly = readRanges(all("so"));
  return Result.succeed({
    infoHash: infoHash.value,
    ...(infoHashBuffer && { infoHashV1: Hex.encode(infoHashBuffer) }),
    ...(infoHashV2Buffer && { infoHashV2: Hex.encode(infoHashV2Buffer) }),
    ...(name !== undefined && { name }),
    ...(length !== undefined && { length: Number(length) }),
    trackers: checked.announce,
    webSeeds: checked.urlList,
    peers: readHostPorts(all("x.pe")),
    nodes: readHostPorts(all("dht")),
    ...(selectOnly && { selectOnly }),
  });
};

/** The link that says what `magnet` says. */
export const formatMagnet = (magnet: Magnet): string => {
  const link = magnetUri.encode({
    ...(magnet.infoHashV1 !== undefined && { infoHash: magnet.infoHashV1 }),
    ...(magnet.infoHashV2 !== undefined && { infoHashV2: magnet.infoHashV2 }),
    ...(magnet.name !== undefined && { name: magnet.name.toWellFormed() }),
    announce: magnet.trackers.map((url) => url.toWellFormed()),
    urlList: magnet.webSeeds.map((url) => url.toWellFormed()),
    peerAddresses: magnet.peers.map(formatHostPort),
  });
  // The package would begin with it; what looks for links in texts expects a hash there.
  const length = magnet.length === undefined ? "" : `&xl=${magnet.length}`;
  const nodes = magnet.nodes.map((node) => `&dht=${formatHostPort(node)}`).join("");
  const ranges = magnet.selectOnly?.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`));
  return link + length + nodes + (ranges === undefined ? "" : `&so=${ranges.join(",")}`);
};
