/**
 * The `Datagrams` of one host of the in-memory network. Built by `MemoryNetwork.host`. Packets get lost as the link says;
 * like streams it lends bytes for the call only, and overwrites them afterwards.
 */
import * as Effect from "effect/Effect";
import * as NetAddress from "effect/net/NetAddress";
import type { Host, Wires } from "../MemoryNetwork/host.ts";
import { POISON } from "../MemoryNetwork/stream.ts";
import { DatagramError } from "./Datagrams.ts";
import type { DatagramReason, Datagrams } from "./Datagrams.ts";
import { makeReceivers } from "./receivers.ts";

/** The most that a UDP packet over IPv4 holds (RFC 768, RFC 791). */
const MAX_DATAGRAM_BYTES = 65_507;

/** The datagrams of `host` over `wires`, bound to `port`. */
export const makeMemoryDatagrams = (wires: Wires, host: Host, port: number): Datagrams["Service"] => {
  const receivers = makeReceivers();
  host.onDatagram = (to, bytes, from) => {
    if (to === port) receivers.offer(bytes, from);
  };

  const transmit = (target: NetAddress.InetAddress, bytes: Uint8Array): DatagramReason | undefined => {
    const to = NetAddress.toCanonical(target);
    const family = NetAddress.familyOf(to);
    const own = NetAddress.isLoopback(to.address)
      ? to.address
      : host.addresses.find((candidate) => NetAddress.isFamily(candidate, family));
    if (own === undefined) return { _tag: "NoSocket", family };
    if (bytes.length > MAX_DATAGRAM_BYTES) return { _tag: "TooLarge", length: bytes.length };
    const other = wires.find(to.address, host);
    if (other === undefined) return undefined;
    const packet = bytes.slice();
    wires.paths(host, other).forth.carryLossy(packet.length, () => {
      other.onDatagram?.(to.port, packet, NetAddress.inetAddressUnsafe(own, port));
      packet.fill(POISON);
    });
    return undefined;
  };

  return {
    addresses: host.addresses.map((ip) => NetAddress.inetAddressUnsafe(ip, port)),
    send: (target, bytes) =>
      Effect.suspend(() => {
        const reason = transmit(target, bytes);
        return reason === undefined
          ? Effect.void
          : Effect.fail(new DatagramError({ address: NetAddress.formatInet(NetAddress.toCanonical(target)), reason }));
      }),
    sendUnsafe: (target, bytes) => void transmit(target, bytes),
    receive: receivers.receive,
  };
};
