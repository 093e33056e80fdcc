/**
 * What follows from a piece that failed its check: who is convicted is banned and shown the door. The reasoning is pure
 * (schema/blame.ts); this carries it out for one download.
 */
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as NetAddress from "effect/net/NetAddress";
import * as Option from "effect/Option";
import * as Result from "effect/Result";
import type { Blame } from "../schema/blame.ts";
import { Bans } from "../services/Bans.ts";
import { Events } from "../services/Events.ts";
import { Swarm } from "./Swarm.ts";

/** A block of a piece that failed; `peer` is absent for what was on disk. */
export interface FailedBlock {
  readonly begin: number;
  readonly peer: string | undefined;
  readonly digest: Uint8Array;
}

/** Finds and bans those who send wrong blocks. */
export class Blaming extends Context.Service<
  Blaming,
  {
    readonly failed: (index: number, blocks: ReadonlyArray<FailedBlock>) => Effect.Effect<void>;
    /** The piece is right now; `digestOf` gives the digest of its block at `begin`. */
    readonly verified: (index: number, digestOf: (begin: number) => Uint8Array | undefined) => Effect.Effect<void>;
    /** Whether the piece failed before and its culprit is still sought. */
    readonly suspect: (index: number) => boolean;
    /** How often the piece failed, once that is too often with nobody to blame. */
    readonly hopeless: (index: number) => Option.Option<number>;
  }
>()("bt-effect/streams/Blaming") {
  /** Acts for the download at hand on what `blame` finds. */
  static readonly layer = (blame: Blame) =>
    Layer.effect(
      Blaming,
      Effect.gen(function* () {
        const bans = yield* Bans;
        const events = yield* Events;
        const swarm = yield* Swarm;

        const convict = (address: string): void => {
          const why = "sent data that failed its check";
          const parsed = NetAddress.inetAddressFromString(address);
          if (Result.isSuccess(parsed)) {
            // Several of its pieces may fail one after the other.
            if (Option.isSome(bans.why(parsed.success))) return;
            bans.ban(parsed.success, why);
          }
          for (const member of [...swarm.members]) if (member.address === address) member.part({ _tag: "Banned", why });
          events.publishUnsafe({ type: "peer", address, state: "banned", code: "peer.banned", message: why });
        };

        return Blaming.of({
          failed: (index, blocks) =>
            Effect.sync(() => {
              events.publishUnsafe({
                type: "warning",
                code: "piece.failed",
                message: `piece ${index} failed its check and is fetched again`,
              });
              for (const address of blame.failed(index, blocks)) convict(address);
            }),
          verified: (index, digestOf) => Effect.sync(() => blame.verified(index, digestOf).forEach(convict)),
          suspect: blame.suspect,
          hopeless: blame.hopeless,
        });
      }),
    );
}
