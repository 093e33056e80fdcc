/**
 * The plain policy: a fixed number of slots that go round among the interested, those that give us data first, with some slots for the others so
 * that newcomers get a start. Not tit for tat: how much a peer gives does not matter.
 */
import type { PeerStanding, Policy } from "./standing.ts";

/** One slot in so many is not for those that give, if there are two at all. */
const OPEN_TO_ALL = 4;

/** Choked peers first, the longest choked first; then the unchoked, the latest first. */
const byTurn = (a: PeerStanding, b: PeerStanding): number => {
  if (a.choked !== b.choked) return a.choked ? -1 : 1;
  return a.choked ? a.since - b.since : b.since - a.since;
};

/** Rotates `slots` among the interested peers; see the head of this file. */
export const rotation: Policy = (peers, { now, slots, interval, rotate }) => {
  const unchoked = new Set<number>();
  const waiting: Array<PeerStanding> = [];
  for (const peer of peers) {
    if (!peer.interested) continue;
    if (!peer.choked && unchoked.size < slots && (!rotate || now - peer.since < interval)) unchoked.add(peer.id);
    else waiting.push(peer);
  }
  waiting.sort(byTurn);
  const forAll = slots < 2 ? 0 : Math.max(1, Math.floor(slots / OPEN_TO_ALL));
  const take = (from: ReadonlyArray<PeerStanding>, upTo: number): void => {
    for (const { id } of from) {
      if (unchoked.size >= upTo) return;
      unchoked.add(id);
    }
  };
  take(
    waiting.filter((peer) => peer.downloadRate > 0),
    slots - forAll,
  );
  take(
    waiting.filter((peer) => !unchoked.has(peer.id)),
    slots,
  );
  return unchoked;
};
