/**
 * A conversation as one of many: tells the world and the candidates how it went, and never fails, so that one peer's end is its own.
 */
import * as Effect from "effect/Effect";
import * as Stream from "effect/Stream";
import type { PeerError, PeerReason } from "../schema/errors/PeerError.ts";
import type { Bandwidth } from "../services/Bandwidth.ts";
import type { Bans } from "../services/Bans.ts";
import { Events } from "../services/Events.ts";
import type { Hasher } from "../services/Hasher.ts";
import type { Filled } from "./assembler/assembler.ts";
import type { Candidates, Outcome } from "./candidates.ts";
import { converse } from "./conversation.ts";
import type { Link } from "./link.ts";
import type { Swarm } from "./Swarm.ts";

const outcomeOf = (reason: PeerReason | undefined): Outcome => {
  switch (reason?._tag) {
    case undefined:
    case "Connection":
      return "useful";
    case "OtherHash":
      return "again";
    default:
      return "rejected";
  }
};

/** Talks to a peer until either side ends it, and reports. */
export const talk = (
  link: Link,
  candidates: Candidates,
): Stream.Stream<Filled, never, Swarm | Bans | Bandwidth | Hasher | Events> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const events = yield* Events;
      const { direction, remote } = link.connection;
      const { address } = link;
      yield* events.publish({ type: "peer", address, state: "connected", direction });
      const ended = (error: PeerError | undefined): void => {
        candidates.disconnected(remote, outcomeOf(error?.reason));
        events.publishUnsafe({
          type: "peer",
          address,
          state: "disconnected",
          direction,
          ...(error !== undefined && { code: error.code, message: error.message }),
        });
      };
      return converse(link).pipe(
        Stream.onEnd(Effect.sync(() => ended(undefined))),
        Stream.catch((error) => Stream.fromEffectDrain(Effect.sync(() => ended(error)))),
      );
    }),
  );
