/**
 * SOCKS version 5 as a client (RFC 1928, 1929): the bytes that open a connection through a proxy or have it relay UDP, and relayed packets. Pure;
 * services/Transport/throughProxy.ts, services/http/proxied.ts and services/Datagrams/socks5.ts send them.
 */
import * as NetAddress from "effect/net/NetAddress";
import type { HostPort } from "./hostPort.ts";

/** A proxy, and who we are to it. */
export interface Proxy extends HostPort {
  /** At most 255 bytes each. */
  readonly user?: { readonly name: string; readonly password: string };
}

/** Where the proxy is to connect or send to; a name is resolved by the proxy, never by us. */
export interface Destination {
  readonly host: string | NetAddress.IpAddress;
  readonly port: number;
}

/** What the proxy is to do: connect, or relay our UDP for as long as the connection to it lives (RFC 1928 §4, §7). */
export type Wish = { readonly _tag: "Connect"; readonly to: Destination } | { readonly _tag: "RelayUdp" };

/** Bytes to send, and how many to read after that. */
export type Step = { readonly send: Uint8Array; readonly read: number };

const VERSION = 5;
const NO_LOGIN = 0;
const LOGIN = 2;
const encoder = new TextEncoder();

const FAILURES: ReadonlyArray<string> = [
  "",
  "general failure",
  "not allowed by its rules",
  "network unreachable",
  "host unreachable",
  "connection refused",
  "time to live expired",
  "command not supported",
  "kind of address not supported",
];

const addressBytes = ({ host, port }: Destination): ReadonlyArray<number> => {
  const address =
    typeof host === "string"
      ? [3, Math.min(encoder.encode(host).length, 255), ...encoder.encode(host).subarray(0, 255)]
      : NetAddress.isIpv4Address(host)
        ? [1, ...NetAddress.ipv4ToOctets(host)]
        : [4, ...NetAddress.ipv6ToOctets(host)];
  return [...address, port >>> 8, port & 255];
};

/** The address that we shall send UDP from is not known to us as the proxy sees it: zeros (RFC 1928 §4). */
const ANYWHERE: Destination = { host: NetAddress.ipv4Unspecified, port: 0 };

const requestOf = (wish: Wish): Uint8Array =>
  wish._tag === "Connect"
    ? Uint8Array.of(VERSION, 1, 0, ...addressBytes(wish.to))
    : Uint8Array.of(VERSION, 3, 0, ...addressBytes(ANYWHERE));

const loginRequest = ({ name, password }: NonNullable<Proxy["user"]>): Uint8Array => {
  const [user, secret] = [encoder.encode(name).subarray(0, 255), encoder.encode(password).subarray(0, 255)];
  return Uint8Array.of(1, user.length, ...user, secret.length, ...secret);
};

const decoder = new TextDecoder();

/** Reads what follows the kind of an address: the address and its port. */
const readAddress = (kind: number, bytes: Uint8Array): Destination => {
  const port = ((bytes.at(-2) ?? 0) << 8) | (bytes.at(-1) ?? 0);
  if (kind === 3) return { host: decoder.decode(bytes.subarray(1, -2)), port };
  const ip = bytes.slice(0, -2);
  return { host: kind === 1 ? NetAddress.ipv4FromBytesUnsafe(ip) : NetAddress.ipv6FromBytesUnsafe(ip), port };
};

/**
 * The conversation: each step says what to send and how many bytes to read next, and is given these bytes. It returns the address at which the proxy
 * does what was wished for, or a sentence that says why it does not.
 */
export function* negotiate(proxy: Proxy, wish: Wish): Generator<Step, Destination | string, Uint8Array> {
  const nothing = new Uint8Array(0);
  const methods = proxy.user === undefined ? [NO_LOGIN] : [NO_LOGIN, LOGIN];
  const chosen = yield { send: Uint8Array.of(VERSION, methods.length, ...methods), read: 2 };
  if (chosen[0] !== VERSION) return "it is no SOCKS5 proxy";
  if (chosen[1] === LOGIN && proxy.user !== undefined) {
    const answer = yield { send: loginRequest(proxy.user), read: 2 };
    if (answer[1] !== 0) return "it refuses the user name and password";
  } else if (chosen[1] !== NO_LOGIN) return "it wants another way to log in";
  const head = yield { send: requestOf(wish), read: 5 };
  if (head[0] !== VERSION) return "it is no SOCKS5 proxy";
  if (head[1] !== 0) return `it says: ${FAILURES[head[1] ?? 0] ?? `failure ${head[1]}`}`;
  // What is left of the address, and its port.
  const left = head[3] === 1 ? 5 : head[3] === 4 ? 17 : head[3] === 3 ? (head[4] ?? 0) + 2 : 0;
  if (left === 0) return "it is no SOCKS5 proxy";
  const rest = yield { send: nothing, read: left };
  return readAddress(head[3] ?? 0, Uint8Array.of(head[4] ?? 0, ...rest));
}

/** A packet for the relay (RFC 1928 §7): where it is to go, then the payload. */
export const encodeRelayed = (to: Destination, payload: Uint8Array): Uint8Array => {
  const address = addressBytes(to);
  const packet = new Uint8Array(3 + address.length + payload.length);
  packet.set(address, 3);
  packet.set(payload, 3 + address.length);
  return packet;
};

/** A packet of the relay: who sent it, by address, and the payload, a view of the packet. Undefined for fragments and for what is none. */
export const decodeRelayed = (
  packet: Uint8Array,
): { readonly from: NetAddress.InetAddress; readonly payload: Uint8Array } | undefined => {
  const [reserved, reservedToo, fragment, kind] = packet;
  if (reserved !== 0 || reservedToo !== 0 || fragment !== 0 || (kind !== 1 && kind !== 4)) return undefined;
  const end = kind === 1 ? 10 : 22;
  if (packet.length < end) return undefined;
  const { host, port } = readAddress(kind, packet.subarray(4, end));
  if (typeof host === "string" || port === 0) return undefined;
  return { from: NetAddress.toCanonical(NetAddress.inetAddressUnsafe(host, port)), payload: packet.subarray(end) };
};

/** Reads `socks5://[user:password@]host:port`; undefined when it is something else. */
export const parseProxy = (text: string): Proxy | undefined => {
  const url = URL.parse(text);
  if (url === null || url.protocol !== "socks5:" || url.hostname === "" || url.port === "") return undefined;
  if (!/^\/?$/.test(url.pathname) || url.search !== "" || url.hash !== "") return undefined;
  try {
    const user = { name: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
    if (encoder.encode(user.name).length > 255 || encoder.encode(user.password).length > 255) return undefined;
    const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
    if (!/^[A-Za-z0-9._:-]{1,253}$/.test(host)) return undefined;
    return { host, port: Number(url.port), ...(user.name !== "" && { user }) };
  } catch {
    // a stray % is no URL of ours
    return undefined;
  }
};
