/** How far an IP address reaches: whether one peer can be expected to get to an address that another one named. */
import * as NetAddress from "effect/net/NetAddress";

/** Shared by the customers of one provider (RFC 6598): 100.64.0.0/10. */
const isCarrierShared = ([first, second]: ReadonlyArray<number>): boolean =>
  first === 100 && second !== undefined && (second & 0xc0) === 64;

/** 0: this machine; 1: this link; 2: this site (RFC 1918, 6598, 4193); 3: everywhere. */
export const reach = (ip: NetAddress.IpAddress): 0 | 1 | 2 | 3 => {
  if (NetAddress.isLoopback(ip)) return 0;
  if (NetAddress.isLinkLocal(ip)) return 1;
  const local = NetAddress.isIpv4Address(ip)
    ? NetAddress.isPrivate(ip) || isCarrierShared(NetAddress.ipv4ToOctets(ip))
    : NetAddress.isUniqueLocal(ip);
  return local ? 2 : 3;
};

/** Whether what `ip` names is the same place for us and for a peer at `peer`: never a private address where the peer has a public one. */
export const meansTheSameTo = (ip: NetAddress.IpAddress, peer: NetAddress.IpAddress): boolean =>
  reach(ip) >= reach(peer);
