/**
 * The sending half of a uTP connection (BEP 29): what is lost goes out before what is new, and of that as much as both windows let through; where nothing is heard,
 * the oldest packet goes once more, then all of them, and a window that is shut is probed. What is under way, the congestion window and the lengths of waits are
 * rooms of their own, and acknowledgements are not its business. Times are microseconds.
 *
 * State: what the other side takes and when it was heard, whether our window held something back, and when to probe theirs.
 */
import { UTP_HEADER_LENGTH, type UtpPacket, UtpType } from "../../../schema/utp.ts";
import { makeDelays } from "./delay.ts";
import type { Flight } from "./flight.ts";
import { makeLedbat } from "./ledbat.ts";
import { MAX_FLIGHT, WINDOW_PROBE } from "./limits.ts";
import { makePatience } from "./patience.ts";
import { makeRoundTrip } from "./roundTrip.ts";
import type { SendQueue } from "./sendQueue.ts";
import type { Voice } from "./voice.ts";

/** One connection's sending half. */
export interface Sender {
  /** Sends a packet without payload that counts: a SYN or a FIN. */
  readonly put: (type: UtpType, now: number) => void;
  /** Sends what may go now. The queue is empty before the connection is open and once the FIN is out. */
  readonly fill: (now: number) => void;
  /** Something waits to be sent. */
  readonly hasMore: () => boolean;
  /** Reads what a packet says of ours; `false` when it says something impossible. */
  readonly hear: (bytes: Uint8Array, packet: UtpPacket, now: number) => boolean;
  /** When the other side was heard last. */
  readonly heardAt: () => number;
  /** Does what has come due; `false` when all was in vain too often, so that the other side is to be given up. */
  readonly tick: (now: number) => boolean;
  /** When something comes due next. */
  readonly due: () => number;
}

/** A half that has sent nothing at the time `now`. */
export const makeSender = (
  parts: { readonly flight: Flight; readonly queue: SendQueue; readonly voice: Voice },
  options: {
    /** Bytes of the largest packets. */
    readonly full: number;
    readonly now: number;
    /** The SYN alone is under way. */
    readonly isDialling: () => boolean;
  },
): Sender => {
  const { flight, queue, voice } = parts;
  const { full } = options;
  const congestion = makeLedbat(full, MAX_FLIGHT * full);
  const roundTrip = makeRoundTrip();
  const delays = makeDelays();
  const patience = makePatience(roundTrip, options.now);
  let theirWindow = full;
  let heardAt = options.now;
  let windowProbeDue = Infinity;
  /** When something was last sent, the window kept more from being sent. Many acknowledgements may come before the next time. */
  let isHeldBack = false;

  const put = (type: UtpType, bytes: Uint8Array, now: number): void => {
    if (flight.isEmpty()) patience.restart(now);
    voice.put(type, bytes, now);
  };
  const putData = (length: number, now: number): void => {
    const bytes = flight.buffer(UTP_HEADER_LENGTH + length);
    queue.fill(bytes, UTP_HEADER_LENGTH);
    put(UtpType.Data, bytes, now);
  };
  /** Bytes of payload that the next new packet may have. */
  const nextPayload = (): number => {
    const wanted = Math.min(queue.bytes(), full - UTP_HEADER_LENGTH);
    if (wanted === 0 || !flight.hasRoom()) return 0;
    const room = Math.min(congestion.window(), theirWindow) - flight.bytes();
    if (room >= wanted + UTP_HEADER_LENGTH) return wanted;
    // never nothing under way, or nobody would ever speak again
    return flight.isEmpty() ? Math.min(wanted, theirWindow) : 0;
  };
  const fill = (now: number): void => {
    for (let sent = flight.firstLost(); sent !== undefined; sent = flight.firstLost()) {
      isHeldBack = flight.bytes() > 0 && flight.bytes() + sent.bytes.length > congestion.window();
      if (isHeldBack) return;
      voice.putAgain(sent, now);
    }
    for (let length = nextPayload(); length > 0; length = nextPayload()) putData(length, now);
    isHeldBack = queue.bytes() > 0 && flight.bytes() + full > congestion.window();
    const isShut = queue.bytes() > 0 && flight.isEmpty();
    windowProbeDue = isShut ? Math.min(windowProbeDue, now + WINDOW_PROBE) : Infinity;
  };
  const timeOut = (now: number): void => {
    roundTrip.timedOut();
    // how much the path carries, a lost SYN does not tell
    if (!options.isDialling()) congestion.timedOut();
    flight.loseAll();
    fill(now);
  };

  return {
    put: (type, now) => put(type, new Uint8Array(UTP_HEADER_LENGTH), now),
    fill,
    hasMore: () => queue.bytes() > 0 || flight.firstLost() !== undefined,
    hear: (bytes, packet, now) => {
      const change = flight.acknowledge(bytes, packet, now);
      if (change === undefined) return false;
      heardAt = now;
      patience.heard();
      delays.theirs(voice.heard(packet.timestamp, now), now);
      delays.ours(packet.timestampDifference, now);
      theirWindow = packet.window;
      if (change.roundTrip > 0) roundTrip.sample(change.roundTrip);
      const queuing = Math.min(delays.queuing(), roundTrip.smoothed());
      if (change.bytes > 0) {
        roundTrip.progressed();
        patience.restart(now);
        congestion.acked(change.bytes, change.flight, queuing, isHeldBack);
      }
      if (change.lost) congestion.lost(queuing, roundTrip.smoothed());
      return true;
    },
    heardAt: () => heardAt,
    tick: (now) => {
      if (!flight.isEmpty()) {
        if (now >= patience.timeoutAt()) {
          if (!patience.timedOut(now)) return false;
          timeOut(now);
        } else if (now >= patience.probeAt()) {
          patience.probed();
          const first = flight.first();
          if (first !== undefined) voice.putAgain(first, now);
        }
      }
      if (now >= windowProbeDue) {
        windowProbeDue = Infinity;
        const length = Math.min(queue.bytes(), full - UTP_HEADER_LENGTH);
        // once the FIN is out there is nothing left, and nobody takes what comes after it
        if (length > 0) putData(length, now);
      }
      return true;
    },
    due: () => {
      if (flight.isEmpty()) return windowProbeDue;
      const next = Math.min(windowProbeDue, patience.timeoutAt());
      return flight.bytes() > 0 ? Math.min(next, patience.probeAt()) : next;
    },
  };
};
