/** The packets of PCP (RFC 6887) that map a port or ask how old the router's table is. Pure; who sends them is services/PortMapping/pcp.ts. */
import * as NetAddress from "effect/net/NetAddress";
import type { Mapping } from "./portMapping.ts";

const VERSION = 2;
const HEAD_LENGTH = 24;
const MAP_LENGTH = 60;
/** Bytes of the number by which a mapping knows its owner (RFC 6887 §11.1). */
export const NONCE_LENGTH = 12;
/** The longest packet that is valid (RFC 6887 §7). */
const MAX_LENGTH = 1_100;
const OPCODE = { announce: 0, map: 1 } as const;
const ANSWER = 0x80;
const NUMBER = { TCP: 6, UDP: 17 } as const;
const UNSUPPORTED_VERSION = 1;

const RESULTS: ReadonlyArray<string> = [
  "ok",
  "unsupported version",
  "not authorized",
  "malformed request",
  "unsupported opcode",
  "unsupported option",
  "malformed option",
  "network failure",
  "no resources",
  "unsupported protocol",
  "too many mappings",
  "cannot provide that external port",
  "address mismatch",
  "too many remote peers",
];

/** What a result code means (RFC 6887 §7.4). */
export const pcpResult = (result: number): string => RESULTS[result] ?? "unknown result";

/** What a router says; `epoch` in seconds. */
export type PcpAnswer =
  | { readonly _tag: "Announced"; readonly epoch: number }
  | (Mapping & {
      readonly _tag: "Mapped";
      readonly epoch: number;
      readonly lifetime: number;
      readonly nonce: Uint8Array;
      readonly address: NetAddress.IpAddress;
    })
  | { readonly _tag: "Refused"; readonly result: number }
  /** An older protocol, or another version of this one: NAT-PMP answers so (RFC 6886 §3.5, RFC 6887 §9). */
  | { readonly _tag: "OtherVersion" };

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const wide = (address: NetAddress.IpAddress): ReadonlyArray<number> =>
  NetAddress.ipv6ToOctets(NetAddress.isIpv4Address(address) ? NetAddress.toIpv4Mapped(address) : address);

const head = (length: number, opcode: number, client: NetAddress.IpAddress): Uint8Array => {
  const bytes = new Uint8Array(length);
  bytes[0] = VERSION;
  bytes[1] = opcode;
  bytes.set(wide(client), 8);
  return bytes;
};

/** Asks how old the router's table is. */
export const encodePcpAnnounce = (client: NetAddress.IpAddress): Uint8Array =>
  head(HEAD_LENGTH, OPCODE.announce, client);

/** Asks for a mapping to `client` of `lifetime` seconds; with 0 for its end. */
export const encodePcpMap = (
  mapping: Mapping,
  lifetime: number,
  { client, nonce }: { readonly client: NetAddress.IpAddress; readonly nonce: Uint8Array },
): Uint8Array => {
  const bytes = head(MAP_LENGTH, OPCODE.map, client);
  const data = view(bytes);
  data.setUint32(4, lifetime);
  bytes.set(nonce.subarray(0, NONCE_LENGTH), 24);
  data.setUint8(36, NUMBER[mapping.protocol]);
  data.setUint16(40, mapping.internal);
  data.setUint16(42, mapping.external);
  bytes.set(NetAddress.isIpv4Address(client) ? wide(NetAddress.ipv4Unspecified) : new Uint8Array(16), 44);
  return bytes;
};

/** Reads an answer; undefined when it is none, or cut off. */
export const decodePcp = (bytes: Uint8Array): PcpAnswer | undefined => {
  if (bytes.length < 8 || bytes.length > MAX_LENGTH) return undefined;
  const data = view(bytes);
  if ((data.getUint8(1) & ANSWER) === 0) return undefined;
  const opcode = data.getUint8(1) & ~ANSWER;
  // The low byte of NAT-PMP's result is at the same place.
  const result = data.getUint8(3);
  if (data.getUint8(0) !== VERSION || result === UNSUPPORTED_VERSION) {
    return result === UNSUPPORTED_VERSION ? { _tag: "OtherVersion" } : undefined;
  }
  if (bytes.length < HEAD_LENGTH) return undefined;
  if (result !== 0) return { _tag: "Refused", result };
  const lifetime = data.getUint32(4);
  const epoch = data.getUint32(8);
  if (opcode === OPCODE.announce) return { _tag: "Announced", epoch };
  if (opcode !== OPCODE.map || bytes.length < MAP_LENGTH) return undefined;
  const number = data.getUint8(36);
  if (number !== NUMBER.TCP && number !== NUMBER.UDP) return undefined;
  return {
    _tag: "Mapped",
    protocol: number === NUMBER.TCP ? "TCP" : "UDP",
    epoch,
    lifetime,
    nonce: bytes.slice(24, 24 + NONCE_LENGTH),
    internal: data.getUint16(40),
    external: data.getUint16(42),
    address: NetAddress.toCanonical(NetAddress.ipv6FromBytesUnsafe(bytes.slice(44, MAP_LENGTH))),
  };
};
