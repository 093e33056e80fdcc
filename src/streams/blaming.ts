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
import type { Blame, Contribution } from "../schema/blame.ts";
import { LEAF_BLOCK, NODE_LENGTH } from "../schema/merkle.ts";
import { Bans } from "../services/Bans.ts";
import { Events } from "../services/Events.ts";
import { Swarm } from "./Swarm.ts";

/** Finds and bans those who send wrong blocks. */
export class Blaming extends Context.Service<
  Blaming,
  {
    /** The piece is wrong. `again` tells how many of its blocks are fetched again, where that is not the whole piece. */
    readonly failed: (
      index: number,
      blocks: ReadonlyArray<Contribution>,
      again: number | undefined,
    ) => Effect.Effect<void>;
    /** The piece is right now; `digestOf` gives the digest of its block at `begin`. */
    readonly verified: (index: number, digestOf: (begin: number) => Uint8Array | undefined) => Effect.Effect<void>;
    /** The hashes of the blocks of a piece that failed are known now: `leaves`, 32 bytes each, in order (BEP 52). */
    readonly compared: (index: number, leaves: Uint8Array) => void;
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
          failed: (index, blocks, again) =>
            Effect.sync(() => {
              const part = again === undefined ? "" : ` (${again} of ${blocks.length} blocks)`;
              events.publishUnsafe({
                type: "warning",
                code: "piece.failed",
                message: `piece ${index} failed its check and is fetched again${part}`,
              });
              for (const address of blame.failed(index, blocks)) convict(address);
            }),
          verified: (index, digestOf) => Effect.sync(() => blame.verified(index, digestOf).forEach(convict)),
          compared: (index, leaves) =>
            blame
              .compared(index, (begin) => {
                const at = (begin / LEAF_BLOCK) * NODE_LENGTH;
                return leaves.subarray(at, at + NODE_LENGTH);
              })
              .forEach(convict),
          suspect: blame.suspect,
          hopeless: blame.hopeless,
        });
      }),
    );
}
