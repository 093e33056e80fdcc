/**
 * The packets that were sent and are not acknowledged: which arrived, which are lost, how much is under way (BEP 29). It sends nothing and has no
 * clock; times are microseconds.
 */
import { seqAfter, seqDistance, type UtpPacket, UtpType } from "../../../schema/utp.ts";
import { LOSS_THRESHOLD, MAX_FLIGHT } from "./limits.ts";
import { makeRing } from "./ring.ts";

/** One packet of ours. */
export interface Sent {
  readonly seq: number;
  /** Header and payload; owned by the connection. */
  readonly bytes: Uint8Array;
  sentAt: number;
  /** Counts transmissions of the connection: of two packets, which was sent last. */
  order: number;
  transmissions: number;
  state: "underWay" | "lost" | "arrived";
}

/** What an acknowledgement changed; reused for each. */
export interface Acknowledged {
  /** Bytes that are known to have arrived now and were not before. */
  bytes: number;
  /** Bytes that were under way before. */
  flight: number;
  /** Age of the newest packet that was sent once and arrived; 0 where there is none. */
  roundTrip: number;
  /** A loss was found that the window has not been cut for. */
  lost: boolean;
  /** The oldest packet arrived, and others perhaps. */
  advanced: boolean;
}

/** The packets of one connection that are under way. */
export interface Flight {
  /** The sequence number of the next new packet. */
  readonly next: () => number;
  /** Bytes under way: neither arrived nor lost. */
  readonly bytes: () => number;
  readonly isEmpty: () => boolean;
  readonly hasRoom: () => boolean;
  /** Notes that a new packet goes out. */
  readonly add: (bytes: Uint8Array, now: number) => Sent;
  /** Notes that a packet goes out once more. */
  readonly again: (packet: Sent, now: number) => void;
  /** Reads what a packet acknowledges. `undefined`: it acknowledges what was never sent. */
  readonly acknowledge: (bytes: Uint8Array, packet: UtpPacket, now: number) => Acknowledged | undefined;
  /** The first packet that is lost. */
  readonly firstLost: () => Sent | undefined;
  /** The first packet that has not arrived. */
  readonly first: () => Sent | undefined;
  /** Nothing was heard for too long: all that has not arrived is lost. */
  readonly loseAll: () => void;
  /** A buffer for a packet of `length` bytes, one that is free again if there is one. */
  readonly buffer: (length: number) => Uint8Array;
  /** Lets go of everything. */
  readonly clear: () => void;
}

/** Buffers kept for the next packets, at the most. */
const MAX_SPARE = 64;

/** A flight whose first packet has the number `first`; packets of `full` bytes are the ones whose buffers are used again. */
export const makeFlight = (first: number, full: number): Flight => {
  const ring = makeRing<Sent>();
  const spare: Array<Uint8Array> = [];
  const change: Acknowledged = { bytes: 0, flight: 0, roundTrip: 0, lost: false, advanced: false };
  let acked = seqAfter(first, -1);
  let next = first;
  let underWay = 0;
  let losses = 0;
  let orders = 0;
  let newest = 0;
  let repeats = 0;
  let leastRoundTrip = Infinity;
  /** Something arrived that was sent later than packets before it that are missing. */
  let isSuspicious = false;
  /** No packet before this one is lost. */
  let lostFrom = first;
  /** Losses up to here are one and the same event. */
  let recovered = acked;

  const arrive = (sent: Sent, now: number): void => {
    if (sent.state === "underWay") underWay -= sent.bytes.length;
    else losses--;
    sent.state = "arrived";
    change.bytes += sent.bytes.length;
    const age = now - sent.sentAt;
    if (sent.transmissions === 1) {
      change.roundTrip = age;
      leastRoundTrip = Math.min(leastRoundTrip, age);
    } else if (age < leastRoundTrip) return; // it was the first transmission that arrived: the last one says nothing yet
    else isSuspicious = true;
    if (sent.order > newest) newest = sent.order;
  };
  const lose = (sent: Sent): void => {
    if (sent.state !== "underWay") return;
    sent.state = "lost";
    underWay -= sent.bytes.length;
    losses++;
    if (seqDistance(sent.seq, lostFrom) < 0) lostFrom = sent.seq;
    if (seqDistance(sent.seq, recovered) <= 0) return;
    change.lost = true;
    recovered = seqAfter(next, -1);
  };
  const release = (seq: number): void => {
    const sent = ring.get(seq);
    ring.delete(seq);
    // only a packet that was sent once is surely not in a queue of the system any more
    if (sent?.transmissions === 1 && sent.bytes.length === full && spare.length < MAX_SPARE) spare.push(sent.bytes);
  };
  const firstMissing = (): Sent | undefined => {
    for (let seq = seqAfter(acked, 1); seq !== next; seq = seqAfter(seq, 1)) {
      const sent = ring.get(seq);
      if (sent !== undefined && sent.state !== "arrived") return sent;
    }
    return undefined;
  };
  const firstLost = (): Sent | undefined => {
    if (losses === 0) return undefined;
    if (seqDistance(lostFrom, acked) <= 0) lostFrom = seqAfter(acked, 1);
    for (; lostFrom !== next; lostFrom = seqAfter(lostFrom, 1)) {
      const sent = ring.get(lostFrom);
      if (sent?.state === "lost") return sent;
    }
    return undefined;
  };
  /** Marks what the mask says. */
  const readMask = (bytes: Uint8Array, { maskAt, maskLength, ack }: UtpPacket, now: number): void => {
    for (let at = 0; at < maskLength; at++) {
      const bits = bytes[maskAt + at] ?? 0;
      for (let bit = 0; bits >>> bit !== 0; bit++) {
        if (((bits >>> bit) & 1) === 0) continue;
        const seq = seqAfter(ack, 2 + at * 8 + bit);
        if (seqDistance(seq, next) >= 0) return;
        const sent = ring.get(seq);
        if (sent !== undefined && sent.state !== "arrived") {
          arrive(sent, now);
          isSuspicious = true;
        }
      }
    }
  };
  /** What was sent well before the newest packet that arrived is lost. */
  const loseOvertaken = (): void => {
    for (let seq = seqAfter(acked, 1); seq !== next; seq = seqAfter(seq, 1)) {
      const sent = ring.get(seq);
      if (sent !== undefined && newest - sent.order >= LOSS_THRESHOLD) lose(sent);
    }
  };

  return {
    next: () => next,
    bytes: () => underWay,
    isEmpty: () => seqAfter(acked, 1) === next,
    hasRoom: () => seqDistance(next, acked) < MAX_FLIGHT,
    add: (bytes, now) => {
      const sent: Sent = { seq: next, bytes, sentAt: now, order: ++orders, transmissions: 1, state: "underWay" };
      ring.set(next, sent, seqDistance(next, acked));
      next = seqAfter(next, 1);
      underWay += bytes.length;
      return sent;
    },
    again: (sent, now) => {
      if (sent.state === "lost") {
        losses--;
        underWay += sent.bytes.length;
      }
      sent.state = "underWay";
      sent.sentAt = now;
      sent.order = ++orders;
      sent.transmissions++;
    },
    acknowledge: (bytes, packet, now) => {
      if (seqDistance(packet.ack, next) >= 0) return undefined;
      change.bytes = 0;
      change.flight = underWay;
      change.roundTrip = 0;
      change.lost = false;
      const ahead = seqDistance(packet.ack, acked);
      change.advanced = ahead > 0;
      if (ahead < -MAX_FLIGHT) return undefined;
      if (ahead < 0) return change;
      for (let seq = seqAfter(acked, 1); seqDistance(seq, packet.ack) <= 0; seq = seqAfter(seq, 1)) {
        const sent = ring.get(seq);
        if (sent !== undefined && sent.state !== "arrived") arrive(sent, now);
        release(seq);
      }
      acked = packet.ack;
      if (seqDistance(recovered, acked) < 0) recovered = acked;
      if (packet.maskLength > 0) readMask(bytes, packet, now);
      if (isSuspicious) {
        isSuspicious = false;
        loseOvertaken();
      } else if (
        ahead === 0 &&
        packet.maskLength === 0 &&
        packet.type === UtpType.State &&
        ++repeats === LOSS_THRESHOLD
      ) {
        // from those who send no masks: three times the same acknowledgement
        const sent = firstMissing();
        if (sent !== undefined) lose(sent);
      }
      if (change.advanced) repeats = 0;
      return change;
    },
    firstLost,
    first: firstMissing,
    loseAll: () => {
      for (let seq = seqAfter(acked, 1); seq !== next; seq = seqAfter(seq, 1)) {
        const sent = ring.get(seq);
        if (sent?.state !== "underWay") continue;
        sent.state = "lost";
        losses++;
      }
      underWay = 0;
      lostFrom = seqAfter(acked, 1);
      recovered = seqAfter(next, -1);
    },
    buffer: (length) => (length === full ? spare.pop() : undefined) ?? new Uint8Array(length),
    clear: () => {
      for (let seq = seqAfter(acked, 1); seq !== next; seq = seqAfter(seq, 1)) ring.delete(seq);
      acked = seqAfter(next, -1);
      spare.length = 0;
      underWay = 0;
      losses = 0;
    },
  };
};
