/** SOCKS version 5 as a client (RFC 1928, 1929): the bytes that open a connection through a proxy. Pure; services/Transport/socks5.ts and services/http/proxied.ts send them. */
import * as NetAddress from "effect/net/NetAddress";

/** A proxy, and who we are to it. */
export interface Proxy {
  readonly host: string;
  readonly port: number;
  /** At most 255 bytes each. */
  readonly user?: { readonly name: string; readonly password: string };
}

/** Where the proxy is to connect to; a name is resolved by the proxy, never by us. */
export interface Destination {
  readonly host: string | NetAddress.IpAddress;
  readonly port: number;
}

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

const connectRequest = ({ host, port }: Destination): Uint8Array => {
  const address =
    typeof host === "string"
      ? [3, Math.min(encoder.encode(host).length, 255), ...encoder.encode(host).subarray(0, 255)]
      : NetAddress.isIpv4Address(host)
        ? [1, ...NetAddress.ipv4ToOctets(host)]
        : [4, ...NetAddress.ipv6ToOctets(host)];
  return Uint8Array.of(VERSION, 1, 0, ...address, port >>> 8, port & 255);
};

const loginRequest = ({ name, password }: NonNullable<Proxy["user"]>): Uint8Array => {
  const [user, secret] = [encoder.encode(name).subarray(0, 255), encoder.encode(password).subarray(0, 255)];
  return Uint8Array.of(1, user.length, ...user, secret.length, ...secret);
};

/**
 * The conversation: each step says what to send and how many bytes to read next, and is given these bytes. It returns when the connection is
 * open, or with a sentence that says why not.
 */
export function* negotiate(proxy: Proxy, destination: Destination): Generator<Step, string | undefined, Uint8Array> {
  const nothing = new Uint8Array(0);
  const methods = proxy.user === undefined ? [NO_LOGIN] : [NO_LOGIN, LOGIN];
  const chosen = yield { send: Uint8Array.of(VERSION, methods.length, ...methods), read: 2 };
  if (chosen[0] !== VERSION) return "it is no SOCKS5 proxy";
  if (chosen[1] === LOGIN && proxy.user !== undefined) {
    const answer = yield { send: loginRequest(proxy.user), read: 2 };
    if (answer[1] !== 0) return "it refuses the user name and password";
  } else if (chosen[1] !== NO_LOGIN) return "it wants another way to log in";
  const head = yield { send: connectRequest(destination), read: 5 };
  if (head[0] !== VERSION) return "it is no SOCKS5 proxy";
  if (head[1] !== 0) return `it says: ${FAILURES[head[1] ?? 0] ?? `failure ${head[1]}`}`;
  // What is left of the address that it connected from, and its port: of no interest, but on the wire.
  const left = head[3] === 1 ? 5 : head[3] === 4 ? 17 : head[3] === 3 ? (head[4] ?? 0) + 2 : 0;
  if (left === 0) return "it is no SOCKS5 proxy";
  yield { send: nothing, read: left };
  return undefined;
}

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
