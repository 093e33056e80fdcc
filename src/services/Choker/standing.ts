/** What a choking policy is told and what it answers. Times are milliseconds of one clock, which one does not matter; rates are bytes per second. */

/** How a peer stands with us. */
export interface PeerStanding {
  readonly id: number;
  /** It wants something of ours. */
  readonly interested: boolean;
  /** It has all there is. */
  readonly seed: boolean;
  /** We choke it. */
  readonly choked: boolean;
  readonly connectedAt: number;
  /** Since when it has been choked or unchoked; `connectedAt` while that never changed. */
  readonly since: number;
  /** It was unchoked by chance and not for what it gives. */
  readonly optimistic: boolean;
  /** It owes us blocks and sends none. */
  readonly snubbed: boolean;
  /** What it gave us in the last round. */
  readonly downloadRate: number;
  /** What it was given in the last round. */
  readonly uploadRate: number;
  /** Bytes that it was given since it was last unchoked. */
  readonly sent: number;
}

/** The round to decide. */
export interface ChokeRound {
  readonly now: number;
  /** Peers to be unchoked at the most. */
  readonly slots: number;
  /** Between two rounds, in milliseconds: who was choked or unchoked for less stays so. */
  readonly interval: number;
  /** How long a peer is unchoked by chance, in milliseconds. */
  readonly optimisticInterval: number;
  /** False between rounds: free slots are filled, nobody loses one. */
  readonly rotate: boolean;
  /** Nothing is to be fetched: what peers give us does not matter. */
  readonly seeding: boolean;
  /** Bytes of a piece. */
  readonly pieceLength: number;
  /** At least 0, below 1. */
  readonly random: () => number;
}

/** How a slot was come by. */
export type Slot = "regular" | "optimistic";

/** From the peers' standing to those to be unchoked, by id. Pure; the order of `peers` decides between equals. */
export type Policy = (peers: ReadonlyArray<PeerStanding>, round: ChokeRound) => ReadonlyMap<number, Slot>;

/** Whether it is too soon to change anything for a peer (fibrillation, BEP 3); a new one may be unchoked at once. */
export const isSettling = ({ connectedAt, since }: PeerStanding, { interval, now }: ChokeRound): boolean =>
  since !== connectedAt && now - since < interval;

/** Those who wait longest first. */
export const bySince = (a: PeerStanding, b: PeerStanding): number => a.since - b.since;

/**
 * The slots that nobody asks for stay with the peers that had them and want nothing just now, unless they are seeds, which never will. In a swarm that lives from
 * one seeder, peers want something of each other for moments only: one that lost its slot after each of them would wait a round for the next.
 */
export const withSpare = (
  chosen: ReadonlyMap<number, Slot>,
  peers: ReadonlyArray<PeerStanding>,
  slots: number,
): ReadonlyMap<number, Slot> => {
  const idle = peers
    .filter((peer) => !peer.interested && !peer.seed && !peer.choked && !peer.snubbed)
    .toSorted(bySince);
  const spare = idle.slice(0, Math.max(0, slots - chosen.size));
  return new Map([...chosen, ...spare.map(({ id }): [number, Slot] => [id, "regular"])]);
};
