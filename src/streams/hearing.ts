/**
 * What comes from a peer in a conversation: each read's messages go to the dialogue, then it asks for more, once; and how it ends is told apart: by the peer, by a
 * breach of the protocol, by us.
 */
import * as Arr from "effect/Array";
import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import * as Pull from "effect/Pull";
import type { PeerError, PeerReason, WireViolation } from "../schema/errors/PeerError.ts";
import type { TransportError } from "../schema/errors/TransportError.ts";
import type { Message } from "../schema/message.ts";
import type { Filled } from "./assembler/assembler.ts";
import type { Dialogue } from "./dialogue.ts";
import type { Liveness } from "./liveness.ts";

/** How a conversation ends from our side; mutable, the conversation's. */
export interface Ending {
  /** Why we part, once we do. */
  parted: PeerError | undefined;
  /** The download is over: that the connection is closed then is nobody's doing but ours. */
  left: boolean;
}

/** Has the dialogue hear what comes, read by read, and gives the runs that it filled.  */
export const hearing = (options: {
  readonly pull: Pull.Pull<Arr.NonEmptyReadonlyArray<Message>, WireViolation | TransportError>;
  readonly dialogue: Dialogue;
  readonly liveness: Liveness;
  readonly ending: Readonly<Ending>;
  readonly fail: (reason: PeerReason) => PeerError;
  readonly now: () => number;
}): Pull.Pull<Arr.NonEmptyReadonlyArray<Filled>, PeerError> => {
  const { dialogue, ending, fail } = options;
  let broken: PeerError | undefined;
  const pulled: Pull.Pull<
    Arr.NonEmptyReadonlyArray<Filled>,
    WireViolation | TransportError | PeerError
  > = Effect.flatMap(options.pull, (messages) => {
    const now = options.now();
    options.liveness.heard(now);
    for (const message of messages) {
      const reason = dialogue.received(message, now);
      if (reason === undefined) continue;
      broken = fail(reason);
      break;
    }
    if (broken === undefined) dialogue.refill(now);
    // What is full by now goes on its way before the peer that filled it.
    const filled = dialogue.requests()?.takeFilled();
    return filled !== undefined && Arr.isArrayNonEmpty(filled) ? Effect.succeed(filled) : next;
  });
  const next: typeof pulled = Effect.suspend(() => (broken === undefined ? pulled : Effect.fail(broken)));
  return next.pipe(
    Effect.catchTag("TransportError", (error): Effect.Effect<never, PeerError | Cause.Done> =>
      ending.left ? Cause.done() : Effect.fail(ending.parted ?? fail({ _tag: "Connection", error })),
    ),
    Effect.catchTag(["FrameTooLong", "BadLength", "BadExtension"], (violation) => Effect.fail(fail(violation))),
    Pull.catchDone((): Effect.Effect<never, PeerError | Cause.Done> =>
      ending.parted === undefined ? Cause.done() : Effect.fail(ending.parted),
    ),
  );
};
