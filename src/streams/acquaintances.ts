/**
 * Peers that were of use, kept between runs so that the next one need not wait for anybody to name them. Bounded; a private torrent keeps none, for it is its
 * tracker's business who is in its swarm (BEP 27).
 *
 * State: one set in this closure, the oldest first. Life cycle: one per download; members come and go with the swarm's.
 */
import * as NetAddress from "effect/net/NetAddress";
import * as Option from "effect/Option";
import * as Result from "effect/Result";
import { MAX_RECORD_PEERS } from "../schema/resume.ts";
import type { Member } from "./member.ts";

/** What is asked of a member. */
type Acquaintance = Pick<Member, "contact" | "delivered" | "uploaded">;

/** The peers of use of one download. */
export interface Acquaintances {
  /** What an earlier run recorded; gives what of it can be dialled. */
  readonly recall: (recorded: ReadonlyArray<string>) => ReadonlyArray<NetAddress.InetAddress>;
  readonly join: (member: Acquaintance) => void;
  readonly leave: (member: Acquaintance) => void;
  /** `address:port` of all of them, the latest first. */
  readonly list: () => ReadonlyArray<string>;
}

/** Nobody yet. */
export const makeAcquaintances = (): Acquaintances => {
  const present = new Set<Acquaintance>();
  const useful = new Set<string>();

  const note = (key: string): void => {
    useful.delete(key);
    useful.add(key);
    for (const oldest of useful) {
      if (useful.size <= MAX_RECORD_PEERS) break;
      useful.delete(oldest);
    }
  };
  const look = (member: Acquaintance): void => {
    const contact = member.delivered() + member.uploaded() > 0 ? member.contact() : undefined;
    if (contact !== undefined) note(NetAddress.formatInet(contact.address));
  };

  return {
    recall: (recorded) => {
      const peers = recorded.flatMap((text) =>
        Option.toArray(Result.getSuccess(NetAddress.inetAddressFromString(text))),
      );
      for (const peer of peers.toReversed()) note(NetAddress.formatInet(peer));
      return peers;
    },
    join: (member) => void present.add(member),
    leave: (member) => {
      present.delete(member);
      look(member);
    },
    list: () => {
      for (const member of present) look(member);
      return [...useful].toReversed();
    },
  };
};
