/** The policy of a seed that is fair: everybody in turn, each until it had its quota, as libtorrent's does. */
import {
  bySince,
  type ChokeRound,
  isSettling,
  type PeerStanding,
  type Policy,
  type Slot,
  withSpare,
} from "./standing.ts";

/** A turn lasts until so many pieces were sent … */
const QUOTA_PIECES = 20;
/** … and this long at least, in milliseconds. */
const QUOTA_TIME = 60_000;

const hadItsTurn = (peer: PeerStanding, { now, pieceLength, rotate }: ChokeRound): boolean =>
  rotate && now - peer.since >= QUOTA_TIME && peer.sent >= QUOTA_PIECES * pieceLength;

/** Those whose turn is not over, then those who wait, the longest first; then again those whose turn is over. */
export const roundRobin: Policy = (peers, round) => {
  const interested = peers.filter((peer) => peer.interested);
  const served = interested.filter((peer) => !peer.choked);
  const over = served.filter((peer) => hadItsTurn(peer, round));
  const going = served.filter((peer) => !over.includes(peer));
  const waiting = interested.filter((peer) => peer.choked && !isSettling(peer, round));
  const order = [...going.toSorted(bySince), ...waiting.toSorted(bySince), ...over.toSorted((a, b) => bySince(b, a))];
  const chosen = new Map(order.slice(0, round.slots).map(({ id }): [number, Slot] => [id, "regular"]));
  return withSpare(chosen, peers, round.slots);
};
