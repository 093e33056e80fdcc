/** What counts as one participant of the DHT: whoever has many ports, or a whole IPv6 network, is still one (BEP 42). */
import * as NetAddress from "effect/net/NetAddress";
import { isLocal } from "../../schema/nodeId.ts";

/** Segments of an IPv6 address that name the network: a /64 is what one customer has. */
const NETWORK_SEGMENTS = 4;

/** The name of the participant at `address`: its IPv4 address or IPv6 network. In local networks, where nothing is to be gained, each port is one. */
export const placeOf = (address: NetAddress.InetAddress): string => {
  const ip = address.address;
  if (isLocal(ip)) return NetAddress.formatInet(address);
  return NetAddress.isIpv4Address(ip)
    ? NetAddress.formatIp(ip)
    : NetAddress.ipv6ToSegments(ip).slice(0, NETWORK_SEGMENTS).join(":");
};

/** The network next to a participant: its IPv4 /24; undefined where there is none to tell apart. */
export const neighbourhoodOf = ({ address }: NetAddress.InetAddress): string | undefined =>
  NetAddress.isIpv4Address(address) && !isLocal(address)
    ? NetAddress.ipv4ToOctets(address).slice(0, 3).join(".")
    : undefined;

/** Whether a packet could be sent there, and a node could be there. */
export const isReachable = (address: NetAddress.InetAddress): boolean =>
  address.port !== 0 && NetAddress.isUnicast(address.address);
