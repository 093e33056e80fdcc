/**
 * Policies that reward: most slots go to those with the best rate, one in five by chance, so that newcomers get a start and better peers are found
 * (BEP 3). Tit for tat while we download; fastest first while we share.
 */
import {
  bySince,
  type ChokeRound,
  isSettling,
  type PeerStanding,
  type Policy,
  type Slot,
  withSpare,
} from "./standing.ts";

/** One slot in so many goes by chance, if there are two at all (BEP 3: one of five). */
const OPTIMISTIC_SHARE = 5;
/** How much likelier a peer that never had a slot is to get one by chance (BEP 3). */
const NEW_WEIGHT = 3;

const weightOf = (peer: PeerStanding): number => (peer.since === peer.connectedAt ? NEW_WEIGHT : 1);

/** Draws one, new peers more likely. */
const draw = (peers: ReadonlyArray<PeerStanding>, random: () => number): PeerStanding | undefined => {
  let point = random() * peers.reduce((sum, peer) => sum + weightOf(peer), 0);
  return peers.find((peer) => (point -= weightOf(peer)) < 0);
};

/** Whether a peer that is unchoked keeps its slot whatever the others do. */
const keeps = (peer: PeerStanding, round: ChokeRound): boolean => {
  if (peer.choked) return false;
  if (!round.rotate || isSettling(peer, round)) return true;
  return peer.optimistic && round.now - peer.since < round.optimisticInterval;
};

/** The policy for one kind of rate. */
const byRate =
  (rateOf: (peer: PeerStanding) => number): Policy =>
  (peers, round) => {
    const { slots } = round;
    const chosen = new Map<number, Slot>();
    const forChance = slots < 2 ? 0 : Math.max(1, Math.floor(slots / OPTIMISTIC_SHARE));
    const interested = peers.filter((peer) => peer.interested);
    const earned = interested
      .filter((peer) => rateOf(peer) > 0 && !peer.snubbed)
      .toSorted((a, b) => rateOf(b) - rateOf(a));
    const best = new Set(earned.slice(0, slots - forChance));

    for (const peer of interested.filter((peer) => keeps(peer, round)).toSorted(bySince)) {
      if (chosen.size < slots) chosen.set(peer.id, peer.optimistic && !best.has(peer) ? "optimistic" : "regular");
    }
    const open = (): ReadonlyArray<PeerStanding> =>
      interested.filter((peer) => !chosen.has(peer.id) && !(peer.choked && isSettling(peer, round)));
    const count = (slot: Slot): number => [...chosen.values()].filter((taken) => taken === slot).length;
    const fill = (from: ReadonlyArray<PeerStanding>, upTo: number): void => {
      for (const { id } of from) {
        if (chosen.size >= slots || count("regular") >= upTo) return;
        chosen.set(id, "regular");
      }
    };

    const free = new Set(open());
    fill(
      earned.filter((peer) => free.has(peer)),
      slots - forChance,
    );
    while (chosen.size < slots && count("optimistic") < forChance) {
      const waiting = open().filter((peer) => peer.choked);
      const lucky = draw(waiting.length > 0 ? waiting : open(), round.random);
      if (lucky === undefined) break;
      chosen.set(lucky.id, "optimistic");
    }
    // A slot that nobody earned is better used than not.
    fill(
      open()
        .filter((peer) => !peer.snubbed)
        .toSorted((a, b) => Number(b.choked) - Number(a.choked) || bySince(a, b)),
      slots,
    );
    return withSpare(chosen, peers, slots);
  };

/** Those that give us most; snubbed ones by chance only. */
export const titForTat: Policy = byRate((peer) => peer.downloadRate);

/** Those that take most: what is shared spreads fastest. */
export const fastestFirst: Policy = byRate((peer) => peer.uploadRate);
