/** Readers of the values of flags: text in, value or a sentence that says what was expected out. Pure; they know no flag by name. */
import * as NetAddress from "effect/net/NetAddress";
import * as Result from "effect/Result";
import { parseProxy, type Proxy } from "../schema/socks5.ts";
import type { SelectPattern } from "../streams/request.ts";
import type { HostPort } from "../schema/hostPort.ts";

/** Reads a value; the failure says what was expected. */
export type Read<A> = (text: string) => Result.Result<A, string>;

/** Any text. */
export const text: Read<string> = Result.succeed;

/** A decimal number without sign between `minimum` and `maximum`. */
export const integer =
  (minimum: number, maximum: number): Read<number> =>
  (value) => {
    const number = Number(value);
    return /^\d{1,15}$/.test(value) && number >= minimum && number <= maximum
      ? Result.succeed(number)
      : Result.fail(`a whole number from ${minimum} to ${maximum}`);
  };

const UNIT_MILLIS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** Timers of JavaScript reach no further than 2^31 - 1 ms, which is 24.8 days. */
const MAX_DURATION = 24 * 86_400_000;

/** `30s`, `5m`, `1h`, `1.5h`: milliseconds, above zero and at most 24 days. */
export const duration: Read<number> = (value) => {
  const match = /^(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h|d)$/.exec(value);
  const millis = Math.round(Number(match?.[1]) * (UNIT_MILLIS[match?.[2] ?? ""] ?? 0));
  return millis > 0 && millis <= MAX_DURATION
    ? Result.succeed(millis)
    : Result.fail("a duration like 30s, 5m or 1h, at most 24d");
};

const RATE_UNITS: Readonly<Record<string, number>> = { "": 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

/** `500K`, `2M`, `1.5M` (KiB and MiB per second) or plain bytes per second; at least 1 KiB per second. */
export const rate: Read<number> = (value) => {
  const match = /^(\d{1,12}(?:\.\d{1,6})?)([KMG]?)$/i.exec(value);
  const bytes = Math.round(Number(match?.[1]) * (RATE_UNITS[match?.[2]?.toUpperCase() ?? ""] ?? 1));
  return match !== null && bytes >= 1024
    ? Result.succeed(bytes)
    : Result.fail("a rate like 500K, 2M or 1.5M (per second), at least 1K");
};

/** A positive number like `2` or `1.5`. */
export const ratio: Read<number> = (value) => {
  const number = Number(value);
  return /^\d{1,9}(?:\.\d{1,6})?$/.test(value) && number > 0
    ? Result.succeed(number)
    : Result.fail("a number above 0, like 2 or 1.5");
};

/** `host:port`, `1.2.3.4:port` or `[v6]:port`. */
export const hostPort: Read<HostPort> = (value) => {
  const match = /^(?:\[([0-9a-fA-F:.]{2,45})\]|([^\s:/[\]]{1,253})):(\d{1,5})$/.exec(value);
  const port = Number(match?.[3]);
  const v6 = match?.[1];
  const host = v6 ?? match?.[2];
  return host !== undefined &&
    port >= 1 &&
    port <= 65_535 &&
    (v6 === undefined || Result.isSuccess(NetAddress.ipv6FromString(v6)))
    ? Result.succeed({ host, port })
    : Result.fail("HOST:PORT, like example.org:6881, 10.0.0.1:6881 or [::1]:6881");
};

/** An IPv4 or IPv6 address. */
export const address: Read<NetAddress.IpAddress> = (value) =>
  Result.mapError(NetAddress.ipFromString(value), () => "an IP address of this machine, like 192.168.1.2");

/** `socks5://[user:password@]host:port`. */
export const proxy: Read<Proxy> = (value) => {
  const read = parseProxy(value);
  return read === undefined
    ? Result.fail("socks5://HOST:PORT or socks5://USER:PASSWORD@HOST:PORT")
    : Result.succeed(read);
};

/** The URL of a tracker: http, https or udp. */
export const trackerUrl: Read<string> = (value) => {
  const url = URL.parse(value);
  return url !== null && ["http:", "https:", "udp:"].includes(url.protocol) && url.hostname !== ""
    ? Result.succeed(value)
    : Result.fail("the URL of a tracker, like udp://tracker.example.org:6969/announce");
};

/** The URLs of a tier of trackers, with commas between them. */
export const tier: Read<ReadonlyArray<string>> = (value) => Result.all(value.split(",").map(trackerUrl));

/** The URL of a web seed: http or https. */
export const webSeedUrl: Read<string> = (value) => {
  const url = URL.parse(value);
  return url !== null && ["http:", "https:"].includes(url.protocol)
    ? Result.succeed(value)
    : Result.fail("the URL of a web seed, like https://example.org/files/");
};

/** `256K`, `1M` or bytes: a power of two from 16 KiB to 256 MiB. */
export const pieceLength: Read<number> = (value) => {
  const match = /^(\d{1,9})([KM]?)(?:iB)?$/i.exec(value);
  const bytes = Number(match?.[1]) * (RATE_UNITS[match?.[2]?.toUpperCase() ?? ""] ?? 1);
  return bytes >= 16 * 1024 && bytes <= 256 * 1024 ** 2 && Number.isInteger(Math.log2(bytes))
    ? Result.succeed(bytes)
    : Result.fail("a power of two from 16K to 256M, like 256K or 1M");
};

/** `0,2-4` (indices), or else a glob on the path. */
export const selectPattern: Read<SelectPattern> = (value) => {
  if (value.trim() === "") return Result.fail("indices like 0,2-4 or a glob like '*.iso'");
  if (!/^\d[\d,\s-]*$/.test(value)) return Result.succeed({ _tag: "Glob", glob: value });
  const ranges: Array<readonly [first: number, last: number]> = [];
  for (const part of value.split(",")) {
    const match = /^\s*(\d{1,9})(?:-(\d{1,9}))?\s*$/.exec(part);
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? match?.[1]);
    if (match === null || last < first)
      return Result.fail("indices like 0,2-4 (first-last, the first of all files is 0)");
    ranges.push([first, last]);
  }
  return Result.succeed({ _tag: "Ranges", ranges });
};

/** One of the given words. */
export const oneOf =
  <const Words extends ReadonlyArray<string>>(words: Words): Read<Words[number]> =>
  (value) => {
    const word = words.find((candidate) => candidate === value.toLowerCase());
    return word === undefined ? Result.fail(words.join(", ")) : Result.succeed(word);
  };
