/** What a uTP connection and its endpoint are to each other. Times are microseconds of a monotonic clock. */
import type * as NetAddress from "effect/net/NetAddress";
import type { TransportError } from "../../../schema/errors/TransportError.ts";
import type { UtpPacket } from "../../../schema/utp.ts";
import type { Connection } from "../Transport.ts";

/** What connections share: the port, the clock and the timers. Times are microseconds of a monotonic clock. */
export interface Endpoint {
  readonly now: () => number;
  readonly transmit: (to: NetAddress.InetAddress, bytes: Uint8Array) => void;
  /** Asks for `flush` after what is happening now. */
  readonly soon: (connection: UtpConnection) => void;
  /** Asks for `tick` at this time at the latest. */
  readonly wakeAt: (due: number) => void;
  /** The connection is over; packets for it are answered with a reset from now on. */
  readonly gone: (connection: UtpConnection) => void;
}

/** Who speaks with whom: the ids by which packets find their connection, and the first numbers of both sides. */
export interface Seat {
  readonly local: NetAddress.InetAddress;
  readonly remote: NetAddress.InetAddress;
  readonly direction: Connection["direction"];
  /** What packets for us carry, and what ours carry. */
  readonly receiveId: number;
  readonly sendId: number;
  /** The number of our first packet. */
  readonly seq: number;
  /** The number of their last packet, when we were dialled. */
  readonly ack: number;
  /** The dial has succeeded (`undefined`) or failed. */
  readonly opened?: (error: TransportError | undefined) => void;
}

/** A connection as its endpoint sees it. */
export interface UtpConnection {
  readonly remote: NetAddress.InetAddress;
  readonly receiveId: number;
  readonly sendId: number;
  readonly connection: Connection;
  /** A packet for it, valid during the call only. */
  readonly arrive: (bytes: Uint8Array, packet: UtpPacket) => void;
  /** Does what has come due. */
  readonly tick: () => void;
  /** Sends what can be sent, and lends what can be read. */
  readonly flush: () => void;
  /** When something comes due next. */
  readonly due: () => number;
  /** Closes it: in order, or with a reset when unread bytes are left. */
  readonly close: () => void;
  /** Breaks it off without a word. */
  readonly drop: () => void;
}
