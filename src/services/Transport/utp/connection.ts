/**
 * One uTP connection (BEP 29): how it is opened and ends, and what a packet that arrives does. Its two halves, what to send when and the order of
 * what is received, are rooms of their own. It is told the time in microseconds, and asks its endpoint for everything else.
 *
 * Life cycle: dialling (outgoing only) -> open -> closing, while what was sent and the FIN are on their way -> gone. Breaking off skips the
 * closing.
 */
import * as Effect from "effect/Effect";
import * as NetAddress from "effect/net/NetAddress";
import { TransportError, type TransportReason } from "../../../schema/errors/TransportError.ts";
import { seqAfter, UtpType } from "../../../schema/utp.ts";
import type { Connection } from "../Transport.ts";
import { makeFlight } from "./flight.ts";
import { KEEP_ALIVE, LINGER, RECEIVE_BUFFER_BYTES } from "./limits.ts";
import { makeOutlet } from "./outlet.ts";
import { datagramBytes } from "./packetSize.ts";
import { makeReceiver } from "./receiver.ts";
import { makeSender } from "./sender.ts";
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
  const receiver = makeReceiver(address, seat.ack, () => endpoint.soon(self));

  let state: "dialling" | "open" | "closing" | "gone" = seat.direction === "outgoing" ? "dialling" : "open";
  let lost: TransportError | undefined;
  let lingersUntil = Infinity;
  const began = endpoint.now();
  const voice = makeVoice(endpoint, seat, { flight, receiver, now: began });
  const isDialling = (): boolean => state === "dialling";
  const sender = makeSender({ flight, queue, voice }, { full, now: began, isDialling });

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
    sender.put(UtpType.Fin, now);
    endpoint.wakeAt(due());
    lose(errorOf({ _tag: "Closed" }), seenAs);
  };

  const due = (): number =>
    state === "gone"
      ? Infinity
      : Math.min(sender.due(), voice.ackDue(), lingersUntil, state === "open" ? voice.saidAt() + KEEP_ALIVE : Infinity);

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
        sender.hear(bytes, packet, now);
        state = "open";
        voice.say(UtpType.State, now);
        endpoint.wakeAt(due());
        return seat.opened?.(undefined);
      }
      if (!sender.hear(bytes, packet, now)) return;
      if (packet.type !== UtpType.State) {
        const payload = bytes.subarray(packet.payloadAt);
        voice.owe(receiver.arrived(packet.seq, payload, packet.type === UtpType.Fin), now);
      }
      if (state === "open" && receiver.isOver()) finish(undefined, now);
      if (state === "closing" && flight.isEmpty()) {
        if (packet.type !== UtpType.State) voice.say(packet.type === UtpType.Data ? UtpType.Reset : UtpType.State, now);
        return leave();
      }
      if (voice.owesNow() || sender.hasMore()) endpoint.soon(self);
      endpoint.wakeAt(due());
    },
    tick: () => {
      const now = endpoint.now();
      if (now >= lingersUntil) return leave();
      if (!sender.tick(now)) {
        return breakOff({ _tag: "TimedOut", afterMillis: Math.round((now - sender.heardAt()) / 1000) });
      }
      if (now >= voice.ackDue() || (state === "open" && now >= voice.saidAt() + KEEP_ALIVE))
        voice.say(UtpType.State, now);
    },
    flush: () => {
      if (state === "gone") return;
      const now = endpoint.now();
      receiver.deliver();
      if (state === "open" && receiver.isOver()) return finish(undefined, now);
      sender.fill(now);
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
      sender.fill(now);
      finish(errorOf({ _tag: "Closed" }), now);
    },
    drop: () => breakOff({ _tag: "Closed" }),
  };

  if (state === "dialling") sender.put(UtpType.Syn, began);
  endpoint.wakeAt(due());
  return self;
};
