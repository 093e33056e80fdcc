/** A machine of the in-memory network as the others see it: its addresses, what listens on it, and the ways to it. */
import * as Equal from "effect/Equal";
import * as NetAddress from "effect/net/NetAddress";
import type { Hear } from "../Multicast/Multicast.ts";
import type { End } from "./stream.ts";
import type { Path } from "./link.ts";
import type { Timeline } from "./timeline.ts";

/** The first port that is given out where none is asked for (RFC 6335 §6). */
const FIRST_EPHEMERAL_PORT = 49_152;

/** What listens for streams on one port. */
export interface Listening {
  /** `undefined`: on all of the host's addresses. */
  readonly address: NetAddress.IpAddress | undefined;
  readonly arrive: (end: End) => void;
}

/** One machine. It is owned by its layer, which plugs it in and out. */
export interface Host {
  readonly addresses: ReadonlyArray<NetAddress.IpAddress>;
  readonly listening: Map<number, Listening>;
  /** The dialled and accepted streams that are open, by the other host. */
  readonly streams: Map<End, Host>;
  /** Takes a datagram that arrived for a port. */
  onDatagram: ((port: number, bytes: Uint8Array, from: NetAddress.InetAddress) => void) | undefined;
  /** Who has joined multicast groups, by `address:port`. */
  readonly members: Set<{ readonly groups: ReadonlyArray<string>; readonly hear: Hear }>;
  /** A port that nobody uses. */
  readonly freePort: () => number;
}

/** The network as a host sees it. */
export interface Wires {
  readonly timeline: Timeline;
  /** The host that answers to `address` when `from` asks: loopback is `from` itself. */
  readonly find: (address: NetAddress.IpAddress, from: Host) => Host | undefined;
  /** All hosts that are plugged in. */
  readonly all: () => Iterable<Host>;
  readonly paths: (from: Host, to: Host) => { readonly forth: Path; readonly back: Path };
}

/** Whether `host` has `address`, or it is the loopback address, which every host has. */
export const hasAddress = (host: Host, address: NetAddress.IpAddress): boolean =>
  NetAddress.isLoopback(address) || host.addresses.some((own) => Equal.equals(own, address));

/** Builds a host with nothing on it yet. */
export const makeHost = (addresses: ReadonlyArray<NetAddress.IpAddress>): Host => {
  const listening = new Map<number, Listening>();
  let next = FIRST_EPHEMERAL_PORT;
  return {
    addresses,
    listening,
    streams: new Map(),
    onDatagram: undefined,
    members: new Set(),
    freePort: () => {
      do next = next === 65_535 ? FIRST_EPHEMERAL_PORT : next + 1;
      while (listening.has(next));
      return next;
    },
  };
};
