/**
 * One uTP connection (BEP 29): what to send when, and what a packet that arrives does. The order of what is received, the packets under way, the
 * window and the timers' lengths are rooms of their own. It is told the time in microseconds, and asks its endpoint for everything else.
 *
 * Life cycle: dialling (outgoing only) -> open -> closing, while what was sent and the FIN are on their way -> gone. Breaking off skips the
 * closing.
 */
import * as Effect from "effect/Effect";
import * as NetAddress from "effect/net/NetAddress";
import { TransportError, type TransportReason } from "../../../schema/errors/TransportError.ts";
import { seqAfter, UTP_HEADER_LENGTH, type UtpPacket, UtpType } from "../../../schema/utp.ts";
import type { Connection } from "../Transport.ts";
import { makeDelays } from "./delay.ts";
import { makeFlight } from "./flight.ts";
import { makeLedbat } from "./ledbat.ts";
import { KEEP_ALIVE, LINGER, MAX_FLIGHT, RECEIVE_BUFFER_BYTES, WINDOW_PROBE } from "./limits.ts";
import { makeOutlet } from "./outlet.ts";
import { datagramBytes } from "./packetSize.ts";
import { makePatience } from "./patience.ts";
import { makeReceiver } from "./receiver.ts";
import { makeRoundTrip } from "./roundTrip.ts";
import { makeSendQueue } from "./sendQueue.ts";
import type { Endpoint, Seat, UtpConnection } from "./UtpConnection.ts";
import { makeVoice } from "./voice.ts";

/** Builds a connection; one that dials sends its SYN at once. */
export const makeUtpConnection = (endpoint: Endpoint, seat: Seat): UtpConnection => {
  const { remote } = seat;
  const address = NetAddress.formatInet(remote);
  const errorOf = (reason: TransportReason) => new TransportError({ address, reason });
  const full = datagramBytes(remote);
  const flight = makeFlight(seat.seq, full);
  const queue = makeSendQueue();
  const congestion = makeLedbat(full, MAX_FLIGHT * full);
  const roundTrip = makeRoundTrip();
  const delays = makeDelays();
  const receiver = makeReceiver(address, seat.ack, () => endpoint.soon(self));

  let state: "dialling" | "open" | "closing" | "gone" = seat.direction === "outgoing" ? "dialling" : "open";
  let lost: TransportError | undefined;
  let theirWindow = full;
  let heardAt = endpoint.now();
  const voice = makeVoice(endpoint, seat, { flight, receiver, now: heardAt });
  const patience = makePatience(roundTrip, heardAt);
  let windowProbeDue = Infinity;
  /** When something was last sent, the window kept more from being sent. Many acknowledgements may come before the next time. */
  let isHeldBack = false;
  let lingersUntil = Infinity;

  /** Sends a packet that counts. */
  const put = (type: UtpType, bytes: Uint8Array, now: number): void => {
    if (flight.isEmpty()) patience.restart(now);
    voice.put(type, bytes, now);
  };

  const lose = (error: TransportError, seenAs: TransportError | undefined): void => {
    if (lost !== undefined) return;
    lost = error;
    const outcome = Effect.fail(error);
    const waiters = queue.clear();
    receiver.discard();
    receiver.end(seenAs);
    for (const resume of waiters) resume(outcome);
  };
  const leave = (): void => {
    if (state === "gone") return;
    state = "gone";
    flight.clear();
    endpoint.gone(self);
  };
  const breakOff = (reason: TransportReason): void => {
    const error = errorOf(reason);
    const wasDialling = state === "dialling";
    leave();
    lose(error, error);
    if (wasDialling) seat.opened?.(error);
  };
  const finish = (seenAs: TransportError | undefined, now: number): void => {
    state = "closing";
    lingersUntil = now + LINGER;
    put(UtpType.Fin, new Uint8Array(UTP_HEADER_LENGTH), now);
    endpoint.wakeAt(due());
    lose(errorOf({ _tag: "Closed" }), seenAs);
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
  const putData = (length: number, now: number): void => {
    const bytes = flight.buffer(UTP_HEADER_LENGTH + length);
    queue.fill(bytes, UTP_HEADER_LENGTH);
    put(UtpType.Data, bytes, now);
  };
  const fill = (now: number): void => {
    for (let sent = flight.firstLost(); sent !== undefined; sent = flight.firstLost()) {
      isHeldBack = flight.bytes() > 0 && flight.bytes() + sent.bytes.length > congestion.window();
      if (isHeldBack) return;
      voice.putAgain(sent, now);
    }
    if (state !== "open") return;
    for (let length = nextPayload(); length > 0; length = nextPayload()) putData(length, now);
    isHeldBack = queue.bytes() > 0 && flight.bytes() + full > congestion.window();
    const isShut = queue.bytes() > 0 && flight.isEmpty();
    windowProbeDue = isShut ? Math.min(windowProbeDue, now + WINDOW_PROBE) : Infinity;
  };
  const timeOut = (now: number): void => {
    if (!patience.timedOut(now)) return breakOff({ _tag: "TimedOut", afterMillis: Math.round((now - heardAt) / 1000) });
    roundTrip.timedOut();
    if (state !== "dialling") congestion.timedOut();
    flight.loseAll();
    fill(now);
  };

  const due = (): number => {
    if (state === "gone") return Infinity;
    let next = Math.min(
      voice.ackDue(),
      windowProbeDue,
      lingersUntil,
      state === "open" ? voice.saidAt() + KEEP_ALIVE : Infinity,
    );
    if (!flight.isEmpty()) {
      next = Math.min(next, patience.timeoutAt());
      if (flight.bytes() > 0) next = Math.min(next, patience.probeAt());
    }
    return next;
  };

  /** Reads what a packet says of ours; `false` when it says something impossible. */
  const hear = (bytes: Uint8Array, packet: UtpPacket, now: number): boolean => {
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
  };

  const takeIn = (bytes: Uint8Array, packet: UtpPacket, now: number): void => {
    const inOrder = receiver.arrived(packet.seq, bytes.subarray(packet.payloadAt), packet.type === UtpType.Fin);
    voice.owe(inOrder, now);
  };

  const connection: Connection = {
    remote,
    local: seat.local,
    direction: seat.direction,
    kind: "utp",
    read: receiver.read,
    receive: receiver.receive,
    ...makeOutlet({ queue, lost: () => lost, filled: () => endpoint.soon(self) }),
  };

  const self: UtpConnection = {
    remote,
    receiveId: seat.receiveId,
    sendId: seat.sendId,
    connection,
    arrive: (bytes, packet) => {
      const now = endpoint.now();
      if (packet.type === UtpType.Reset) return breakOff({ _tag: state === "dialling" ? "Refused" : "Reset" });
      if (packet.type === UtpType.Syn) return voice.say(UtpType.State, now);
      if (state === "dialling") {
        if (packet.type !== UtpType.State || packet.ack !== seat.seq) return;
        // deployed practice: the number in the answer is that of the first packet to come
        receiver.begin(seqAfter(packet.seq, -1));
        hear(bytes, packet, now);
        state = "open";
        voice.say(UtpType.State, now);
        endpoint.wakeAt(due());
        return seat.opened?.(undefined);
      }
      if (!hear(bytes, packet, now)) return;
      if (packet.type !== UtpType.State) takeIn(bytes, packet, now);
      if (state === "open" && receiver.isOver()) finish(undefined, now);
      if (state === "closing" && flight.isEmpty()) {
        if (packet.type !== UtpType.State) voice.say(packet.type === UtpType.Data ? UtpType.Reset : UtpType.State, now);
        return leave();
      }
      if (voice.owesNow() || flight.firstLost() !== undefined || queue.bytes() > 0) endpoint.soon(self);
      endpoint.wakeAt(due());
    },
    tick: () => {
      const now = endpoint.now();
      if (now >= lingersUntil) return leave();
      if (!flight.isEmpty()) {
        if (now >= patience.timeoutAt()) timeOut(now);
        else if (now >= patience.probeAt()) {
          patience.probed();
          const first = flight.first();
          if (first !== undefined) voice.putAgain(first, now);
        }
      }
      if (now >= windowProbeDue) {
        windowProbeDue = Infinity;
        putData(Math.min(queue.bytes(), full - UTP_HEADER_LENGTH), now);
      }
      if (now >= voice.ackDue() || (state === "open" && now >= voice.saidAt() + KEEP_ALIVE))
        voice.say(UtpType.State, now);
    },
    flush: () => {
      if (state === "gone") return;
      const now = endpoint.now();
      receiver.deliver();
      if (state === "open" && receiver.isOver()) return finish(undefined, now);
      fill(now);
      // one whose window looked shut is told when it opens
      if (
        voice.owesNow() ||
        (voice.toldWindow() < RECEIVE_BUFFER_BYTES / 4 && receiver.window() > RECEIVE_BUFFER_BYTES / 2)
      )
        voice.say(UtpType.State, now);
      endpoint.wakeAt(due());
      // last, because a resumed sender comes back here at once
      for (const resume of queue.ready()) resume(Effect.void);
    },
    due,
    close: () => {
      const now = endpoint.now();
      if (state === "dialling" || (state === "open" && receiver.hasUnread())) {
        voice.say(UtpType.Reset, now);
        return breakOff({ _tag: "Closed" });
      }
      if (state !== "open") return;
      fill(now);
      finish(errorOf({ _tag: "Closed" }), now);
    },
    drop: () => breakOff({ _tag: "Closed" }),
  };

  if (state === "dialling") put(UtpType.Syn, new Uint8Array(UTP_HEADER_LENGTH), heardAt);
  endpoint.wakeAt(due());
  return self;
};
