/**
 * Lists of address ranges that are not to be talked to, as they are passed around: P2P (`name:1.2.3.0-1.2.3.255`), DAT (`1.2.3.0 - 1.2.3.255 , 100 , name`),
 * CIDR (`1.2.3.0/24`) and single addresses, IPv4 and IPv6, mixed. Pure; the ranges end up as sorted, merged typed arrays.
 */
import * as NetAddress from "effect/net/NetAddress";
import * as Result from "effect/Result";

/** Bytes of a list, unpacked: those in use have up to 20 MB. */
export const MAX_FILTER_BYTES = 128 * 1024 * 1024;
/** Characters of a line. */
const MAX_LINE = 1_024;
/** In DAT files, ranges of this access level and above are allowed. */
const ALLOWED_LEVEL = 128;
const IPV6_BITS = 128n;
const HALF = 64n;
const LOW = (1n << HALF) - 1n;

/** Ranges to look addresses up in. */
export interface IpFilter {
  /** Lines that name a range. */
  readonly rules: number;
  /** IPv4 addresses mapped into IPv6 are the IPv4 ones. Takes logarithmic time. */
  readonly has: (ip: NetAddress.IpAddress) => boolean;
}

/** A line that is no range. */
export interface BadLine {
  /** From 1. */
  readonly line: number;
  readonly text: string;
}

/** First and last address of a range, as numbers; both of one family. */
interface Range {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
}

const numberOf = (octets: ReadonlyArray<number>): bigint =>
  octets.reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n);

interface Parsed {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** DAT files fill their numbers with zeros, which are decimal there. */
const parseAddress = (text: string): Parsed | undefined => {
  const v4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (v4 !== null) {
    const octets = v4.slice(1).map(Number);
    return octets.every((octet) => octet < 256) ? { family: 4, value: numberOf(octets) } : undefined;
  }
  if (!text.includes(":")) return undefined;
  const v6 = Result.getOrUndefined(NetAddress.ipv6FromString(text));
  return v6 === undefined ? undefined : { family: 6, value: numberOf(NetAddress.ipv6ToOctets(v6)) };
};

const rangeOf = (first: Parsed | undefined, last: Parsed | undefined): Range | undefined =>
  first === undefined || last === undefined || first.family !== last.family || first.value > last.value
    ? undefined
    : { family: first.family, first: first.value, last: last.value };

/** The address at the end of `name:address`; names and IPv6 addresses have colons of their own. */
const afterName = (text: string): Parsed | undefined => {
  const whole = parseAddress(text.trim());
  if (whole !== undefined) return whole;
  for (let colon = text.indexOf(":"); colon >= 0; colon = text.indexOf(":", colon + 1)) {
    const address = parseAddress(text.slice(colon + 1).trim());
    if (address !== undefined) return address;
  }
  return undefined;
};

const parseCidr = (text: string): Range | undefined => {
  const match = /^([0-9a-fA-F.:]{2,45})\/(\d{1,3})$/.exec(text);
  const address = parseAddress(match?.[1] ?? "");
  if (address === undefined) return undefined;
  const bits = address.family === 4 ? 32 : Number(IPV6_BITS);
  const prefix = Number(match?.[2]);
  if (prefix > bits) return undefined;
  const rest = (1n << BigInt(bits - prefix)) - 1n;
  const first = address.value & ~rest;
  return { family: address.family, first, last: first | rest };
};

/** What a line says: a range, nothing, or what makes no sense. */
const parseLine = (text: string): Range | "nothing" | undefined => {
  const line = text.trim();
  if (line === "" || line.startsWith("#") || line.startsWith("//")) return "nothing";
  if (line.length > MAX_LINE) return undefined;
  const dat = /^([0-9a-fA-F.:]+)\s*-\s*([0-9a-fA-F.:]+)\s*,\s*(\d{1,5})\s*(?:,.*)?$/.exec(line);
  if (dat !== null) {
    const range = rangeOf(parseAddress(dat[1] ?? ""), parseAddress(dat[2] ?? ""));
    return range !== undefined && Number(dat[3]) >= ALLOWED_LEVEL ? "nothing" : range;
  }
  const cidr = parseCidr(line);
  if (cidr !== undefined) return cidr;
  const dash = line.lastIndexOf("-");
  const p2p = dash < 0 ? undefined : rangeOf(afterName(line.slice(0, dash)), parseAddress(line.slice(dash + 1).trim()));
  if (p2p !== undefined) return p2p;
  const single = parseAddress(line);
  return rangeOf(single, single);
};

/** Sorted, neighbours and overlaps joined. */
const merge = (ranges: Array<Range>): ReadonlyArray<Range> => {
  ranges.sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const merged: Array<Range> = [];
  for (const range of ranges) {
    const last = merged.at(-1);
    if (last === undefined || range.first > last.last + 1n) merged.push(range);
    else if (range.last > last.last) merged[merged.length - 1] = { ...last, last: range.last };
  }
  return merged;
};

/** Ranges of one family as four columns, upper and lower half of each end. */
const makeTable = (ranges: ReadonlyArray<Range>) => {
  const column = (value: (range: Range) => bigint): BigUint64Array => BigUint64Array.from(ranges, value);
  const firstHigh = column(({ first }) => first >> HALF);
  const firstLow = column(({ first }) => first & LOW);
  const lastHigh = column(({ last }) => last >> HALF);
  const lastLow = column(({ last }) => last & LOW);
  return (value: bigint): boolean => {
    const high = value >> HALF;
    const low = value & LOW;
    let from = 0;
    let to = firstHigh.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      const middleHigh = firstHigh[middle] ?? 0n;
      if (middleHigh < high || (middleHigh === high && (firstLow[middle] ?? 0n) <= low)) from = middle + 1;
      else to = middle;
    }
    if (from === 0) return false;
    const endHigh = lastHigh[from - 1] ?? 0n;
    return endHigh > high || (endHigh === high && (lastLow[from - 1] ?? 0n) >= low);
  };
};

/** Reads a list; the first line that makes no sense fails it, because a filter that silently lets some through is worse than none. */
export const parseIpFilter = (text: string): Result.Result<IpFilter, BadLine> => {
  const v4: Array<Range> = [];
  const v6: Array<Range> = [];
  let line = 0;
  for (let at = 0; at < text.length;) {
    const end = text.indexOf("\n", at);
    const next = end < 0 ? text.length : end;
    line++;
    const said = parseLine(text.slice(at, next));
    if (said === undefined) return Result.fail({ line, text: text.slice(at, Math.min(next, at + 100)).trim() });
    if (said !== "nothing") (said.family === 4 ? v4 : v6).push(said);
    at = next + 1;
  }
  const rules = v4.length + v6.length;
  const inV4 = makeTable(merge(v4));
  const inV6 = makeTable(merge(v6));
  return Result.succeed({
    rules,
    has: (ip) => {
      const plain = NetAddress.toCanonical(ip);
      return NetAddress.isIpv4Address(plain)
        ? inV4(numberOf(NetAddress.ipv4ToOctets(plain)))
        : inV6(numberOf(NetAddress.ipv6ToOctets(plain)));
    },
  });
};
