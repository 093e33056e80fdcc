/** Made-up peers and rounds for tests of choking policies. */
import { Schema } from "effect";
import type { ChokeRound, PeerStanding } from "../../../src/services/Choker/standing.ts";

/** A peer connected long ago, interested, choked for long, that neither gives nor takes. */
export const peer = (id: number, over: Partial<PeerStanding> = {}): PeerStanding => ({
  id,
  interested: true,
  seed: false,
  choked: true,
  connectedAt: -100_000,
  since: 0,
  optimistic: false,
  snubbed: false,
  downloadRate: 0,
  uploadRate: 0,
  sent: 0,
  ...over,
});

/** A peer that never had a slot. */
export const newcomer = (id: number, at: number): PeerStanding => peer(id, { connectedAt: at, since: at });

/** The round at 100 s; the first of a draw wins. */
export const round = (over: Partial<ChokeRound> = {}): ChokeRound => ({
  now: 100_000,
  slots: 2,
  interval: 10_000,
  optimisticInterval: 30_000,
  rotate: true,
  seeding: false,
  pieceLength: 1_000,
  random: () => 0,
  ...over,
});

/** Peers, what is special about the round, and the slots by id. */
export type Case = readonly [
  name: string,
  peers: ReadonlyArray<PeerStanding>,
  round: Partial<ChokeRound>,
  slots: Readonly<Record<number, string>>,
];

const Standing = Schema.Struct({
  interested: Schema.Boolean,
  choked: Schema.Boolean,
  optimistic: Schema.Boolean,
  snubbed: Schema.Boolean,
  since: Schema.Literals([-100_000, 0, 60_000, 89_999, 90_001, 99_999]),
  downloadRate: Schema.Literals([0, 1, 2]),
  uploadRate: Schema.Literals([0, 1, 2]),
  sent: Schema.Literals([0, 19_999, 20_000]),
});

/** Any peers at all, for `peersOf`. */
export const anyPeers = Schema.Array(Standing);

/** With their positions as ids. */
export const peersOf = (standings: typeof anyPeers.Type): ReadonlyArray<PeerStanding> =>
  standings.map((standing, id) => peer(id, standing));
