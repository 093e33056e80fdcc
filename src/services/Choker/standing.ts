/** What a choking policy is told and what it answers. Times are milliseconds of one clock, which one does not matter. */

/** How a peer stands with us. */
export interface PeerStanding {
  readonly id: number;
  /** It wants something of ours. */
  readonly interested: boolean;
  /** We choke it. */
  readonly choked: boolean;
  /** Since when it has been choked or unchoked; when it connected, if that never changed. */
  readonly since: number;
  /** What it gives us now, in bytes per second. */
  readonly downloadRate: number;
}

/** The round to decide. */
export interface ChokeRound {
  readonly now: number;
  /** Peers to be unchoked at the most. */
  readonly slots: number;
  /** Between two rounds, in milliseconds: who was unchoked for less keeps its slot. */
  readonly interval: number;
  /** False between rounds: free slots are filled, nobody loses one. */
  readonly rotate: boolean;
}

/** From the peers' standing to the ids of those to be unchoked. Pure; the order of `peers` decides between equals. */
export type Policy = (peers: ReadonlyArray<PeerStanding>, round: ChokeRound) => ReadonlySet<number>;
