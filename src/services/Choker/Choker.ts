/**
 * Whom to serve: from how the peers stand to those to unchoke (BEP 3). It sends nothing and keeps nothing; whoever runs the rounds applies what it
 * says. The policy is a pure function, replaced by `Choker.layerPolicy`.
 */
import * as Context from "effect/Context";
import * as Layer from "effect/Layer";
import { rotation } from "./rotation.ts";
import type { Policy } from "./standing.ts";

export type { ChokeRound, PeerStanding, Policy } from "./standing.ts";

/** Decides who is unchoked. */
export class Choker extends Context.Service<
  Choker,
  {
    /** The ids of the peers to unchoke; all others are to be choked. */
    readonly decide: Policy;
  }
>()("bt-effect/services/Choker") {
  /** Decides by the policy given. */
  static readonly layerPolicy = (policy: Policy) => Layer.succeed(Choker, Choker.of({ decide: policy }));
  /** A fixed number of slots that go round. */
  static readonly layer = Choker.layerPolicy(rotation);
}
