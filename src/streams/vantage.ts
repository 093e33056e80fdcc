/**
 * How we look from outside: the addresses that peers (`yourip`, BEP 10) and trackers (BEP 24) say they see us at. One peer is not believed before others agree; where nobody said
 * anything the address is that of nobody, which still ranks peers, only not as they rank us.
 *
 * State: a count per address in this closure, bounded.
 */
import * as NetAddress from "effect/net/NetAddress";

/** Different addresses that are counted; the rarest makes room. */
const MAX_SEEN = 16;

/** Our addresses as peers see them. */
export interface Vantage {
  /** One more sees us there; to be called once per conversation or tracker. */
  readonly seenAt: (ip: NetAddress.IpAddress) => void;
  /** Our endpoint of the same family as `remote`. */
  readonly towards: (remote: NetAddress.InetAddress) => NetAddress.InetAddress;
}

/** Seen by nobody yet; `port` is where we listen. */
export const makeVantage = (port: number | undefined): Vantage => {
  const votes = new Map<string, { readonly ip: NetAddress.IpAddress; count: number }>();
  const rarest = (): string | undefined => {
    let found: string | undefined;
    for (const [key, { count }] of votes) if (count <= (votes.get(found ?? key)?.count ?? count)) found = key;
    return found;
  };
  return {
    seenAt: (seen) => {
      const ip = NetAddress.toCanonical(seen);
      const key = NetAddress.formatIp(ip);
      const vote = votes.get(key);
      if (vote !== undefined) vote.count++;
      else {
        const least = votes.size >= MAX_SEEN ? rarest() : undefined;
        if (least !== undefined) votes.delete(least);
        votes.set(key, { ip, count: 1 });
      }
    },
    towards: (remote) => {
      const family = NetAddress.familyOf(NetAddress.toCanonical(remote));
      const [best] = [...votes.values()]
        .filter(({ ip }) => NetAddress.isFamily(ip, family))
        .toSorted((a, b) => b.count - a.count);
      const nobody = family === "IPv4" ? NetAddress.ipv4Unspecified : NetAddress.ipv6Unspecified;
      return NetAddress.inetAddressUnsafe(best?.ip ?? nobody, port ?? 0);
    },
  };
};
