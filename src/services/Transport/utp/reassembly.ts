/**
 * What arrived out of order, until what is missing comes (BEP 29). It holds copies and is bounded by the caller's budget; what is in order
 * goes past it. Sequence numbers count packets.
 */
import { selectiveAck, seqAfter, seqDistance } from "../../../schema/utp.ts";
import { HELD_OVERHEAD_BYTES, MAX_REORDER } from "./limits.ts";
import { makeRing } from "./ring.ts";

/** A packet of theirs; `end` is a FIN. */
export interface Held {
  readonly seq: number;
  readonly payload: Uint8Array;
  readonly end: boolean;
}

/** The order of one direction. */
export interface Reassembly {
  /** The last packet of which, and of all before it, nothing is missing. */
  readonly ack: () => number;
  /** The other side's packets begin after `seq`: to be told before the first, where it was not known at the start. */
  readonly begin: (seq: number) => void;
  /** Where a packet belongs: it is the next one, it has been here, it can wait, or it is too far off. */
  readonly place: (seq: number) => "next" | "old" | "ahead" | "beyond";
  /** The next packet in order has come. */
  readonly advance: () => void;
  /** Keeps a copy of one that is ahead; `false` when it is held already. */
  readonly hold: (seq: number, payload: Uint8Array, end: boolean) => boolean;
  /** Takes the one held that is next in order, and advances. */
  readonly takeNext: () => Held | undefined;
  /** Whether something is missing before what is held. */
  readonly hasGap: () => boolean;
  /** What is held costs this much of the budget. */
  readonly bytes: () => number;
  /** The selective ack to tell. */
  readonly mask: () => Uint8Array | undefined;
}

/** Nothing held; the other side's last packet in order was `start`. */
export const makeReassembly = (start: number): Reassembly => {
  const ring = makeRing<Held>();
  let ack = start;
  let held = 0;
  let bytes = 0;
  let furthest = start;
  return {
    ack: () => ack,
    begin: (seq) => {
      ack = seq;
    },
    place: (seq) => {
      const distance = seqDistance(seq, ack);
      if (distance <= 0) return "old";
      if (distance === 1) return "next";
      return distance <= MAX_REORDER ? "ahead" : "beyond";
    },
    advance: () => {
      ack = seqAfter(ack, 1);
    },
    hold: (seq, payload, end) => {
      if (ring.get(seq) !== undefined) return false;
      ring.set(seq, { seq, payload: payload.slice(), end }, seqDistance(seq, ack));
      if (held === 0 || seqDistance(seq, furthest) > 0) furthest = seq;
      held++;
      bytes += payload.length + HELD_OVERHEAD_BYTES;
      return true;
    },
    takeNext: () => {
      const seq = seqAfter(ack, 1);
      const next = held === 0 ? undefined : ring.get(seq);
      if (next === undefined) return undefined;
      ring.delete(seq);
      held--;
      bytes -= next.payload.length + HELD_OVERHEAD_BYTES;
      ack = seq;
      return next;
    },
    hasGap: () => held > 0,
    bytes: () => bytes,
    mask: () =>
      held === 0 ? undefined : selectiveAck(ack, seqDistance(furthest, ack), (seq) => ring.get(seq) !== undefined),
  };
};
