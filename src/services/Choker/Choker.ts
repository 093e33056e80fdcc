/**
 * Whom to serve: from how the peers stand to those to unchoke (BEP 3). It sends nothing and keeps nothing; whoever runs the rounds applies what it
 * says. The policy is a pure function, replaced by `Choker.layerPolicy`.
 */
import * as Context from "effect/Context";
import * as Layer from "effect/Layer";
import { titForTat } from "./byRate.ts";
import { roundRobin } from "./roundRobin.ts";
import type { Policy } from "./standing.ts";

export type { ChokeRound, PeerStanding, Policy, Slot } from "./standing.ts";

/** Tit for tat while something is to be fetched, then everybody in turn. */
const standard: Policy = (peers, round) => (round.seeding ? roundRobin : titForTat)(peers, round);

/** Decides who is unchoked. */
export class Choker extends Context.Service<
  Choker,
  {
    /** The peers to unchoke, by id, and by what right; all others are to be choked. */
    readonly decide: Policy;
  }
>()("bt-effect/services/Choker") {
  /** Decides by the policy given. */
  static readonly layerPolicy = (policy: Policy) => Layer.succeed(Choker, Choker.of({ decide: policy }));
  /** The usual policy. */
  static readonly layer = Choker.layerPolicy(standard);
}
