/**
 * How large a packet may be. Node's sockets cannot forbid fragmentation, so that the path cannot be probed: packets stay at the size that
 * passes PPPoE and the usual tunnels.
 */
import * as NetAddress from "effect/net/NetAddress";

/** Bytes of an IP packet that reach nearly everybody unfragmented. */
const SAFE_MTU = 1_400;
const UDP_HEADER = 8;
const IP_HEADER = { IPv4: 20, IPv6: 40 } as const;

/** Bytes of a datagram to `remote`, uTP's header included: 1372 over IPv4, 1352 over IPv6. */
export const datagramBytes = (remote: NetAddress.InetAddress): number =>
  SAFE_MTU - UDP_HEADER - IP_HEADER[NetAddress.familyOf(remote)];
