/**
 * The receiving half of a uTP connection: puts packets in order and lends them to the reader, and says how much more may come. Copies are made
 * only of what is out of order or arrives while the reader is paused. It sends nothing and has no clock.
 */
import { makeInbound } from "../inbound.ts";
import type { Inbound } from "../inbound.ts";
import { HELD_OVERHEAD_BYTES, RECEIVE_BUFFER_BYTES } from "./limits.ts";
import { makeReassembly, type Reassembly } from "./reassembly.ts";

/** One connection's receiving half. */
export interface Receiver
  extends Pick<Inbound, "read" | "receive" | "end">, Pick<Reassembly, "ack" | "begin" | "mask" | "hasGap"> {
  /** A packet of theirs, its payload valid during the call only. `false`: it was not in order, which they are to be told at once. */
  readonly arrived: (seq: number, payload: Uint8Array, end: boolean) => boolean;
  /** Lends what waited to a reader that goes on reading. */
  readonly deliver: () => void;
  /** Bytes that may still come. */
  readonly window: () => number;
  /** Something waits that nobody has read. */
  readonly hasUnread: () => boolean;
  /** All that they had to say was said and read. */
  readonly isOver: () => boolean;
  /** From here on nothing is kept: what comes is only put in order, so that it can be acknowledged. */
  readonly discard: () => void;
}

/** A half that has received nothing; the other side's last packet was `start`. `resumed` asks for `deliver` to be called soon. */
export const makeReceiver = (remote: string, start: number, resumed: () => void): Receiver => {
  const reassembly = makeReassembly(start);
  const waiting: Array<Uint8Array> = [];
  let waitingBytes = 0;
  let reading = false;
  let discarding = false;
  let ended = false;
  const inbound = makeInbound(remote, () => {
    reading = true;
    resumed();
  });

  const used = (): number => waitingBytes + reassembly.bytes();
  const hasRoom = (length: number): boolean => used() + length + HELD_OVERHEAD_BYTES <= RECEIVE_BUFFER_BYTES;
  const pass = (payload: Uint8Array, isLent: boolean): void => {
    if (payload.length === 0 || discarding) return;
    if (reading && waiting.length === 0) reading = inbound.push(payload);
    else {
      waiting.push(isLent ? payload.slice() : payload);
      waitingBytes += payload.length + HELD_OVERHEAD_BYTES;
    }
  };

  return {
    read: inbound.read,
    receive: inbound.receive,
    end: inbound.end,
    ack: reassembly.ack,
    begin: reassembly.begin,
    mask: reassembly.mask,
    hasGap: reassembly.hasGap,
    arrived: (seq, payload, end) => {
      const place = ended ? "old" : reassembly.place(seq);
      if (place === "ahead" && hasRoom(payload.length)) reassembly.hold(seq, payload, end);
      if (place !== "next") return false;
      // the packet that all others wait for is taken whatever they hold, unless the reader is what they wait for
      if (waiting.length > 0 && !hasRoom(payload.length)) return false;
      const inOrder = !reassembly.hasGap();
      reassembly.advance();
      pass(payload, true);
      ended = end;
      for (let next = ended ? undefined : reassembly.takeNext(); next !== undefined;) {
        pass(next.payload, false);
        ended = next.end;
        next = ended ? undefined : reassembly.takeNext();
      }
      return inOrder;
    },
    deliver: () => {
      let read = 0;
      while (reading && read < waiting.length) {
        const payload = waiting[read++];
        if (payload === undefined) break;
        waitingBytes -= payload.length + HELD_OVERHEAD_BYTES;
        reading = inbound.push(payload);
      }
      waiting.splice(0, read);
    },
    window: () => Math.max(0, RECEIVE_BUFFER_BYTES - used()),
    hasUnread: () => waiting.length > 0,
    isOver: () => ended && waiting.length === 0,
    discard: () => {
      discarding = true;
      waiting.length = 0;
      waitingBytes = 0;
    },
  };
};
