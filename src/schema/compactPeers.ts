/**
 * Addresses of peers as runs of bytes: 6 each for IPv4 (BEP 23), 18 for IPv6 (BEP 7), ports last. Nothing is filtered, so that lists
 * that go beside (flags of BEP 11) keep their places; which addresses are worth dialling is decided elsewhere.
 */
import * as NetAddress from "effect/net/NetAddress";

const PORT_LENGTH = 2;

const decode = (
  bytes: Uint8Array,
  ipLength: 4 | 16,
  ip: (octets: Uint8Array) => NetAddress.IpAddress,
): ReadonlyArray<NetAddress.InetAddress> => {
  const peers: Array<NetAddress.InetAddress> = [];
  const length = ipLength + PORT_LENGTH;
  for (let at = 0; at + length <= bytes.length; at += length) {
    const port = ((bytes[at + ipLength] ?? 0) << 8) | (bytes[at + ipLength + 1] ?? 0);
    peers.push(NetAddress.inetAddressUnsafe(ip(bytes.subarray(at, at + ipLength)), port));
  }
  return peers;
};

const encode = <A extends NetAddress.InetAddress>(
  peers: ReadonlyArray<A>,
  ipLength: 4 | 16,
  octets: (peer: A) => ReadonlyArray<number>,
): Uint8Array => {
  const bytes = new Uint8Array(peers.length * (ipLength + PORT_LENGTH));
  let at = 0;
  for (const peer of peers) {
    bytes.set(octets(peer), at);
    bytes[at + ipLength] = peer.port >>> 8;
    bytes[at + ipLength + 1] = peer.port;
    at += ipLength + PORT_LENGTH;
  }
  return bytes;
};

/** The IPv4 peers of a run of 6-byte entries; an entry cut short at the end is dropped. */
export const decodePeers = (bytes: Uint8Array): ReadonlyArray<NetAddress.InetAddress> =>
  decode(bytes, 4, NetAddress.ipv4FromBytesUnsafe);

/** The IPv6 peers of a run of 18-byte entries; an entry cut short at the end is dropped. */
export const decodePeers6 = (bytes: Uint8Array): ReadonlyArray<NetAddress.InetAddress> =>
  decode(bytes, 16, NetAddress.ipv6FromBytesUnsafe);

/** IPv4 peers as 6-byte entries. */
export const encodePeers = (peers: ReadonlyArray<NetAddress.InetAddressV4>): Uint8Array =>
  encode(peers, 4, (peer) => NetAddress.ipv4ToOctets(peer.address));

/** IPv6 peers as 18-byte entries; scopes are lost. */
export const encodePeers6 = (peers: ReadonlyArray<NetAddress.InetAddressV6>): Uint8Array =>
  encode(peers, 16, (peer) => NetAddress.ipv6ToOctets(peer.address));
