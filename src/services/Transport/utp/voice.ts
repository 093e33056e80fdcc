/**
 * What one uTP connection says: it writes headers, sends packets through its endpoint, and keeps count of the acknowledgements that are owed.
 * When to say what is the connection's business. Times are microseconds.
 */
import { encodeUtp, type UtpHeader, UtpType, writeUtpAck, writeUtpHeader, writeUtpTimes } from "../../../schema/utp.ts";
import type { Flight, Sent } from "./flight.ts";
import { ACK_DELAY, RECEIVE_BUFFER_BYTES } from "./limits.ts";
import type { Receiver } from "./receiver.ts";
import type { Endpoint, Seat } from "./UtpConnection.ts";

/** The voice of one connection. */
export interface Voice {
  /** A packet of theirs that was sent at `timestamp` by their clock came; gives how long it seemed to take. */
  readonly heard: (timestamp: number, now: number) => number;
  /** A packet that counts came: an acknowledgement is owed, at once for the second one and for one out of order. */
  readonly owe: (inOrder: boolean, now: number) => void;
  readonly owesNow: () => boolean;
  /** When the acknowledgement must go out at the latest. */
  readonly ackDue: () => number;
  /** When something was said last. */
  readonly saidAt: () => number;
  /** How much we said that we take. */
  readonly toldWindow: () => number;
  /** Sends a packet that does not count: an acknowledgement or a reset. */
  readonly say: (type: UtpType, now: number) => void;
  /** Sends a packet that counts, SYN, data or FIN; the first 20 bytes are written here. */
  readonly put: (type: UtpType, bytes: Uint8Array, now: number) => void;
  /** Sends one once more. */
  readonly putAgain: (sent: Sent, now: number) => void;
}

/** A voice that has said nothing, at the time `now`. */
export const makeVoice = (
  endpoint: Pick<Endpoint, "transmit">,
  seat: Seat,
  halves: { readonly flight: Flight; readonly receiver: Receiver; readonly now: number },
): Voice => {
  const { flight, receiver } = halves;
  const { remote } = seat;
  let theirDelay = 0;
  let toldWindow = RECEIVE_BUFFER_BYTES;
  let saidAt = halves.now;
  let unacknowledged = 0;
  let ackNow = false;
  let ackDue = Infinity;

  const header = (type: UtpType, now: number): UtpHeader => {
    toldWindow = receiver.window();
    return {
      type,
      connectionId: type === UtpType.Syn ? seat.receiveId : seat.sendId,
      timestamp: now >>> 0,
      timestampDifference: theirDelay,
      window: toldWindow,
      seq: flight.next(),
      ack: receiver.ack(),
    };
  };
  const acknowledged = (): void => {
    unacknowledged = 0;
    ackNow = false;
    ackDue = Infinity;
  };
  const send = (bytes: Uint8Array, now: number): void => {
    saidAt = now;
    endpoint.transmit(remote, bytes);
  };

  return {
    heard: (timestamp, now) => {
      theirDelay = (now - timestamp) >>> 0;
      return theirDelay;
    },
    owe: (inOrder, now) => {
      if (!inOrder || ++unacknowledged > 1) ackNow = true;
      else ackDue = Math.min(ackDue, now + ACK_DELAY);
    },
    owesNow: () => ackNow,
    ackDue: () => ackDue,
    saidAt: () => saidAt,
    toldWindow: () => toldWindow,
    say: (type, now) => {
      acknowledged();
      send(encodeUtp(header(type, now), type === UtpType.State ? receiver.mask() : undefined), now);
    },
    put: (type, bytes, now) => {
      writeUtpHeader(bytes, header(type, now));
      flight.add(bytes, now);
      // what is out of order is told by an acknowledgement of its own, which has room for it
      if (!receiver.hasGap()) acknowledged();
      send(bytes, now);
    },
    putAgain: (sent, now) => {
      toldWindow = receiver.window();
      writeUtpTimes(sent.bytes, now >>> 0, theirDelay);
      writeUtpAck(sent.bytes, toldWindow, receiver.ack());
      flight.again(sent, now);
      send(sent.bytes, now);
    },
  };
};
