/**
 * Names of DHT nodes: 160 bits under the XOR metric (BEP 5), tied to the address of the node by BEP 42. Info-hashes are points of the same space.
 */
import * as NetAddress from "effect/net/NetAddress";
import { crc32c } from "./crc32.ts";

/** The length of a node id, in bytes. */
export const NODE_ID_LENGTH = 20;
/** The length of a node id, in bits. */
export const NODE_ID_BITS = 160;

/** The 20 bytes of a node id; not to be written to. */
export type NodeId = Uint8Array;

/** Which of `a` and `b` is nearer to `target`: negative when `a` is, 0 when they are the same. */
export const compareDistance = (target: NodeId, a: NodeId, b: NodeId): number => {
  for (let i = 0; i < NODE_ID_LENGTH; i++) {
    const point = target[i] ?? 0;
    const difference = (point ^ (a[i] ?? 0)) - (point ^ (b[i] ?? 0));
    if (difference !== 0) return difference;
  }
  return 0;
};

/** How many leading bits two ids share: 160 for the same id. */
export const commonPrefix = (a: NodeId, b: NodeId): number => {
  for (let i = 0; i < NODE_ID_LENGTH; i++) {
    const difference = (a[i] ?? 0) ^ (b[i] ?? 0);
    if (difference !== 0) return i * 8 + Math.clz32(difference) - 24;
  }
  return NODE_ID_BITS;
};

/** Whether two ids are the same. */
export const sameId = (a: NodeId, b: NodeId): boolean => commonPrefix(a, b) === NODE_ID_BITS;

/** The id that shares its first `bits` bits with `id`, differs in the next one and goes on as `random` (20 bytes) does. */
export const inBucket = (id: NodeId, bits: number, random: Uint8Array): NodeId => {
  const out = Uint8Array.from(random.subarray(0, NODE_ID_LENGTH));
  for (let bit = 0; bit <= bits && bit < NODE_ID_BITS; bit++) {
    const byte = bit >>> 3;
    const mask = 0x80 >>> (bit & 7);
    const ours = (id[byte] ?? 0) & mask;
    const wanted = bit === bits ? ours ^ mask : ours;
    out[byte] = ((out[byte] ?? 0) & ~mask) | wanted;
  }
  return out;
};

/** Which bits of an address an id depends on (BEP 42): of an IPv4 address all four bytes, of an IPv6 address the first eight. */
const MASK_V4 = Uint8Array.of(0x03, 0x0f, 0x3f, 0xff);
const MASK_V6 = Uint8Array.of(0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff);
/** In byte 2 of an id, the bits that the checksum decides: with bytes 0 and 1 it makes 21. */
const LAST_CHECKED = 0xf8;

const checksumOf = (ip: NetAddress.IpAddress, seed: number): number => {
  const v4 = NetAddress.isIpv4Address(ip);
  const octets = v4 ? NetAddress.ipv4ToOctets(ip) : NetAddress.ipv6ToOctets(ip);
  const masked = (v4 ? MASK_V4 : MASK_V6).map((mask, i) => mask & (octets[i] ?? 0));
  masked[0] = (masked[0] ?? 0) | ((seed & 7) << 5);
  return crc32c(masked);
};

/** The id of a node at `ip` (BEP 42), free in what `random` (20 bytes) decides: 131 bits and the seed in the last byte. */
export const makeNodeId = (ip: NetAddress.IpAddress, random: Uint8Array): NodeId => {
  const id = Uint8Array.from(random.subarray(0, NODE_ID_LENGTH));
  const checksum = checksumOf(ip, id[NODE_ID_LENGTH - 1] ?? 0);
  id[0] = checksum >>> 24;
  id[1] = checksum >>> 16;
  id[2] = ((checksum >>> 8) & LAST_CHECKED) | ((id[2] ?? 0) & ~LAST_CHECKED);
  return id;
};

/** Whether an address lies in a local network, where BEP 42 asks nothing of ids (and nothing is learnt of the address outside). */
export const isLocal = (ip: NetAddress.IpAddress): boolean =>
  NetAddress.isLoopback(ip) ||
  NetAddress.isLinkLocal(ip) ||
  (NetAddress.isIpv4Address(ip) ? NetAddress.isPrivate(ip) : NetAddress.isUniqueLocal(ip));

/** Whether the 21 bits that BEP 42 ties to the address are what they must be. Local addresses are not asked: see `isLocal`. */
export const fitsAddress = (id: NodeId, ip: NetAddress.IpAddress): boolean => {
  const checksum = checksumOf(ip, id[NODE_ID_LENGTH - 1] ?? 0);
  return (
    id[0] === checksum >>> 24 &&
    id[1] === ((checksum >>> 16) & 0xff) &&
    (((id[2] ?? 0) ^ (checksum >>> 8)) & LAST_CHECKED) === 0
  );
};
