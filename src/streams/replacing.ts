/** Who makes room for a newcomer when every place is taken: somebody of no use now, and of lower canonical priority (BEP 40). */
import * as NetAddress from "effect/net/NetAddress";
import * as Result from "effect/Result";
import { peerPriority } from "../schema/peerPriority.ts";
import type { Member } from "./member.ts";
import type { Vantage } from "./vantage.ts";

/** A peer has so long to become of use, in milliseconds. */
const GRACE = 60_000;
/** A peer that gives less than this is no loss, in bytes per second. */
const SLOW = 1_024;

/** What is asked of a member. */
type Replaceable = Pick<Member, "address" | "connectedAt" | "downloadRate" | "wants" | "choked">;

const isOfUse = (member: Replaceable, now: number): boolean =>
  now - member.connectedAt < GRACE || member.downloadRate(now) >= SLOW || (member.wants() && !member.choked());

/** The member to part from, if any should go for `newcomer`. */
export const replaceable = <M extends Replaceable>(
  members: Iterable<M>,
  newcomer: NetAddress.InetAddress,
  options: { readonly vantage: Pick<Vantage, "towards">; readonly now: number },
): M | undefined => {
  const priorityOf = (address: NetAddress.InetAddress) => peerPriority(options.vantage.towards(address), address);
  let lowest = priorityOf(newcomer);
  let found: M | undefined;
  for (const member of members) {
    if (isOfUse(member, options.now)) continue;
    const address = NetAddress.inetAddressFromString(member.address);
    const priority = Result.isSuccess(address) ? priorityOf(address.success) : 0;
    if (priority >= lowest) continue;
    lowest = priority;
    found = member;
  }
  return found;
};
