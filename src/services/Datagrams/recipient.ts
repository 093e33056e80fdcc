/** Whom a packet is for: an address, or a host by its name where names are not ours to resolve, as behind a proxy that relays UDP. */
import * as Effect from "effect/Effect";
import * as Equal from "effect/Equal";
import type * as NetAddress from "effect/net/NetAddress";
import type { DatagramError, Datagrams } from "./Datagrams.ts";
import type { HostPort } from "../../schema/hostPort.ts";

/** An address, or a name. */
export type Recipient = NetAddress.InetAddress | HostPort;

/** Whether it is known by its name alone. */
export const isNamed = (recipient: Recipient): recipient is HostPort => "host" in recipient;

/** Sends to either; names only where `Datagrams.sendNamed` is there, else nothing is sent. */
export const sendTo = (
  datagrams: Datagrams["Service"],
  to: Recipient,
  packet: Uint8Array,
): Effect.Effect<void, DatagramError> =>
  isNamed(to) ? (datagrams.sendNamed?.(to, packet) ?? Effect.void) : datagrams.send(to, packet);

/** Whether a packet of `from` may be an answer of `asked`. Which address a proxy finds for a name is not known: then the transaction alone has to tell. */
export const mayBe = (asked: Recipient, from: NetAddress.InetAddress): boolean =>
  isNamed(asked) || Equal.equals(asked, from);
