/** The table of IPv4 routes as Linux shows it in /proc/net/route (proc(5)): only to find the default gateway. Pure. */
import * as NetAddress from "effect/net/NetAddress";

/** Lines that are looked at: a machine that is no router has a handful. */
const MAX_LINES = 4_096;
/** The route is in use, and leads through a gateway (RTF_UP, RTF_GATEWAY of linux/route.h). */
const UP_GATEWAY = 3;

/** The gateway of the default route with the lowest metric; undefined without one. Addresses are in the byte order of a little-endian machine. */
export const defaultGateway = (table: string): NetAddress.Ipv4Address | undefined => {
  let best: { readonly metric: number; readonly gateway: NetAddress.Ipv4Address } | undefined;
  for (const line of table.split("\n", MAX_LINES)) {
    const [, destination, gateway = "", flags = "", , , metric = "", mask] = line.trim().split(/\s+/, 8);
    if (destination !== "00000000" || mask !== "00000000" || !/^[\dA-F]{8}$/i.test(gateway)) continue;
    const cost = Number(metric);
    if ((Number.parseInt(flags, 16) & UP_GATEWAY) !== UP_GATEWAY || !Number.isSafeInteger(cost)) continue;
    if (best !== undefined && best.metric <= cost) continue;
    const octets = gateway.match(/../g) ?? [];
    best = {
      metric: cost,
      gateway: NetAddress.ipv4FromBytesUnsafe(Uint8Array.from(octets.reverse(), (hex) => Number.parseInt(hex, 16))),
    };
  }
  return best?.gateway;
};
