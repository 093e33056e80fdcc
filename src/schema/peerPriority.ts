/**
 * Canonical peer priority (BEP 40): a number on which both ends of a connection agree and which nobody can choose. Where there is no room for all, those of
 * higher priority stay, so that the swarm becomes one random graph.
 */
import * as NetAddress from "effect/net/NetAddress";
import { crc32c } from "./crc32.ts";

/** What is masked away of the bytes that two far addresses need not have in common. */
const FAR = 0x55;

const octetsOf = (ip: NetAddress.IpAddress): Uint8Array =>
  Uint8Array.from(NetAddress.isIpv4Address(ip) ? NetAddress.ipv4ToOctets(ip) : NetAddress.ipv6ToOctets(ip));

/** Leading bytes that both have. */
const common = (a: Uint8Array, b: Uint8Array): number => {
  const index = a.findIndex((byte, at) => byte !== b[at]);
  return index < 0 ? a.length : index;
};

/** Bytes that are not masked: two of IPv4 and six of IPv6, or, as libtorrent has it, one and two more than are equal. */
const kept = (a: Uint8Array, b: Uint8Array): number =>
  a.length === 4 ? Math.max(2, common(a, b) + 1) : Math.max(6, common(a, b) + 2);

const compare = (a: Uint8Array, b: Uint8Array): number => {
  const at = common(a, b);
  return (a[at] ?? 0) - (b[at] ?? 0);
};

const masked = (octets: Uint8Array, keep: number): Uint8Array =>
  octets.map((byte, index) => (index < keep ? byte : byte & FAR));

const portOctets = (port: number): Uint8Array => Uint8Array.of(port >>> 8, port);

/** The priority of the connection between two endpoints, an unsigned 32-bit number; 0 between different families, which have none. */
export const peerPriority = (a: NetAddress.InetAddress, b: NetAddress.InetAddress): number => {
  const [one, other] = [octetsOf(NetAddress.toCanonical(a).address), octetsOf(NetAddress.toCanonical(b).address)];
  if (one.length !== other.length) return 0;
  const same = common(one, other) === one.length;
  const keep = kept(one, other);
  const pair = same ? [portOctets(a.port), portOctets(b.port)] : [masked(one, keep), masked(other, keep)];
  const [low = one, high = other] = pair.toSorted(compare);
  const joined = new Uint8Array(low.length * 2);
  joined.set(low);
  joined.set(high, low.length);
  return crc32c(joined);
};
