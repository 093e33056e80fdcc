/** What our address is, as other nodes see it (BEP 42): each participant has one vote, and several must agree. */
import * as NetAddress from "effect/net/NetAddress";
import { isLocal } from "../../schema/nodeId.ts";
import { placeOf } from "./place.ts";

/** Votes that are kept, the latest. */
const MAX_VOTES = 32;

/** Counts votes. */
export interface Votes {
  /** A node says that our packet came from `ip`. */
  readonly cast: (voter: NetAddress.InetAddress, ip: NetAddress.IpAddress) => void;
  /** The address that at least the quorum and more than half of all votes name. */
  readonly elected: () => NetAddress.IpAddress | undefined;
}

/** No votes yet; `quorum` of them must agree. Local addresses, and what local nodes say, count nothing. */
export const makeVotes = (quorum: number): Votes => {
  const votes = new Map<string, { readonly ip: NetAddress.IpAddress; readonly text: string }>();
  return {
    cast: (voter, ip) => {
      if (isLocal(ip) || isLocal(voter.address) || !NetAddress.isUnicast(ip)) return;
      const place = placeOf(voter);
      votes.delete(place);
      votes.set(place, { ip, text: NetAddress.formatIp(ip) });
      const [oldest] = votes.keys();
      if (votes.size > MAX_VOTES && oldest !== undefined) votes.delete(oldest);
    },
    elected: () => {
      const counts = new Map<string, number>();
      for (const { ip, text } of votes.values()) {
        const count = (counts.get(text) ?? 0) + 1;
        if (count >= quorum && count * 2 > votes.size) return ip;
        counts.set(text, count);
      }
      return undefined;
    },
  };
};
