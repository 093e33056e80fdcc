/**
 * What it means that a peer rejects requests (BEP 6): that its queue was full, that it does not have the piece after all, or that it is no honest peer. The
 * requests themselves are given back in requests.ts.
 *
 * State: how many it rejected with no block in between.
 */
import type { BlockSpan } from "../schema/block.ts";
import type { PeerReason } from "../schema/errors/PeerError.ts";
import type { Requests } from "./requests.ts";

/** Rejects beyond this, with no block in between, are no honest peer's. */
const MAX_REJECTS = 2_000;

/** The rejects of one peer. */
export interface Rejects {
  /** A block came. */
  readonly delivered: () => void;
  /** The peer rejects a request while it chokes us or not. A returned reason ends the conversation. */
  readonly received: (
    block: BlockSpan,
    requests: Pick<Requests, "rejected" | "waiting"> | undefined,
    choking: boolean,
  ) => PeerReason | undefined;
}

/** Nothing was rejected. */
export const makeRejects = (options: {
  /** Whether the peer may reject at all. */
  readonly agreed: boolean;
  /** The peer does not have a piece that it said it has. */
  readonly lacks: (index: number) => void;
}): Rejects => {
  let rejects = 0;
  return {
    delivered: () => {
      rejects = 0;
    },
    received: ({ index, begin }, requests, choking) => {
      if (!options.agreed) return { _tag: "FastViolation", message: "reject" };
      if (++rejects > MAX_REJECTS) return { _tag: "Flood", message: "reject" };
      if (requests?.rejected(index, begin) !== true || choking) return undefined;
      // What a peer refuses while it has others to answer, or once, was too much for its queue: it is asked again.
      if (requests.waiting() > 0 || rejects < 2) return undefined;
      // Unchoked, with nothing else to do and no block in between: the peer does not have it after all, and must not be asked again at once.
      options.lacks(index);
      return undefined;
    },
  };
};
