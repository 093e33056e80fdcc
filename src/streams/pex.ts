/**
 * Peer exchange in one conversation (BEP 11): what the peer is told of our other peers, once a minute, and how far its word on others is
 * taken. Sending and the ids of the messages are for extensions.ts, dialling for the candidates.
 *
 * State: what was told and how much was taken, bounded, in this closure.
 */
import * as NetAddress from "effect/net/NetAddress";
import * as Result from "effect/Result";
import type { PeerReason } from "../schema/errors/PeerError.ts";
import type { ExtensionHandshake } from "../schema/extension.ts";
import { meansTheSameTo, reach } from "../schema/reach.ts";
import { decodeUtPex, encodeUtPex, PexFlag, type PexPeer } from "../schema/utPex.ts";
import type { Connection } from "../services/Transport/Transport.ts";
import type { Candidate } from "./addressBook.ts";

/** Between two messages to one peer, in milliseconds (BEP 11). */
const INTERVAL = 60_000;
/** Before the first: whom we have just found is told with it. */
const FIRST_DELAY = 2_000;
/** Between two looks for something to tell, in milliseconds. */
const LOOK = 10_000;
/** Addresses added by one message, and as many dropped (BEP 11). */
const MAX_TOLD = 50;
/** Messages that come sooner after each other than this are ignored, in milliseconds: a minute, less what clocks and queues take. */
const MIN_GAP = 50_000;
/** Messages of one peer within a minute; more are no honest peer's: BEP 11 allows one, libtorrent parts at seven. */
const MAX_MESSAGES = 6;
/** Addresses taken from one peer in all: a tenth of what is kept, so that no single one decides whom we know. */
const MAX_TAKEN = 300;

/** Peer exchange as the download has it. */
export interface PeerExchange {
  /** Whether we take part: never once the torrent is known to be private (BEP 27). */
  readonly isUsed: () => boolean;
  /** Whether we tell: not before the torrent is known not to be private. */
  readonly tells: () => boolean;
  /** A peer told of another one. */
  readonly found: (candidate: Candidate) => void;
}

/** The part of a download in peer exchange; `learned` is told once it is known whether the torrent is private. */
export const makePeerExchange = (options: {
  readonly wanted: boolean;
  /** Absent: not known yet. */
  readonly isPrivate: boolean | undefined;
  readonly found: (candidate: Candidate) => void;
}): PeerExchange & { readonly learned: (isPrivate: boolean) => void } => {
  let { isPrivate } = options;
  return {
    isUsed: () => options.wanted && isPrivate !== true,
    tells: () => options.wanted && isPrivate === false,
    found: options.found,
    learned: (known) => {
      isPrivate = known;
    },
  };
};

/** The exchange with one peer. Times are milliseconds of the monotonic clock. */
export interface Pex {
  /** An extension handshake of the peer. */
  readonly greeted: (theirs: ExtensionHandshake) => void;
  /** A message of the peer. A returned reason ends the conversation. */
  readonly received: (payload: Uint8Array, now: number) => PeerReason | undefined;
  /** The message that is to be sent to the peer now, if there is any. */
  readonly due: (now: number) => Uint8Array | undefined;
  /** How others are told of this peer; absent while nobody could reach it. */
  readonly contact: () => PexPeer | undefined;
}

/** An exchange in which nothing was said. */
export const makePex = (options: {
  readonly connection: Pick<Connection, "remote" | "direction" | "kind">;
  readonly connectedAt: number;
  readonly exchange: PeerExchange;
  /** The peer has everything. */
  readonly isSeed: () => boolean;
  /** All who are connected, the peer itself too. */
  readonly connected: () => Iterable<PexPeer>;
}): Pex => {
  const { exchange, connection } = options;
  const remote = NetAddress.toCanonical(connection.remote);
  const told = new Map<string, NetAddress.InetAddress>();
  let nextDue = options.connectedAt + FIRST_DELAY;
  let listens = connection.direction === "outgoing" ? remote : undefined;
  let flags =
    (connection.direction === "outgoing" ? PexFlag.reachable : 0) | (connection.kind === "utp" ? PexFlag.utp : 0);
  let uploadOnly = false;
  let arrivals: Array<number> = [];
  let lastTaken = -Infinity;
  const taken = new Set<string>();

  /** Whom the peer can be told of: all others, whose addresses mean something to it. */
  const tellable = (): ReadonlyMap<string, PexPeer> => {
    const self = listens === undefined ? undefined : NetAddress.formatInet(listens);
    const others = new Map<string, PexPeer>();
    for (const peer of options.connected()) {
      const key = NetAddress.formatInet(peer.address);
      if (key !== self && meansTheSameTo(peer.address.address, remote.address)) others.set(key, peer);
    }
    return others;
  };

  /** Whether an address that the peer named may be dialled on its word. */
  const isCredible = ({ address }: PexPeer, hosts: Set<string>): boolean => {
    if (address.port === 0 || !meansTheSameTo(address.address, remote.address)) return false;
    if (reach(address.address) < 3) return true;
    // Many ports of one public address are one machine, or an attempt to have it dialled by many.
    const host = NetAddress.formatHost(address);
    return !hosts.has(host) && hosts.add(host).has(host);
  };

  return {
    greeted: (theirs) => {
      if (connection.direction === "incoming" && theirs.port !== undefined)
        listens = NetAddress.inetAddressUnsafe(remote.address, theirs.port);
      if (theirs.encryption === true) flags |= PexFlag.prefersEncryption;
      if ((theirs.messages.get("ut_holepunch") ?? 0) > 0) flags |= PexFlag.holepunch;
      uploadOnly = theirs.uploadOnly ?? uploadOnly;
    },
    received: (payload, now) => {
      if (!exchange.isUsed()) return undefined;
      arrivals = arrivals.filter((at) => now - at < INTERVAL);
      arrivals.push(now);
      if (arrivals.length > MAX_MESSAGES) return { _tag: "Flood", message: "ut_pex" };
      if (now - lastTaken < MIN_GAP) return undefined;
      const decoded = decodeUtPex(payload);
      if (Result.isFailure(decoded)) return decoded.failure;
      lastTaken = now;
      const hosts = new Set<string>();
      for (const peer of decoded.success.added) {
        const key = NetAddress.formatInet(peer.address);
        if (taken.size >= MAX_TAKEN) break;
        if (taken.has(key) || !isCredible(peer, hosts)) continue;
        taken.add(key);
        exchange.found({ address: peer.address, source: "pex", pex: { flags: peer.flags, relay: remote } });
      }
      return undefined;
    },
    due: (now) => {
      if (now < nextDue || !exchange.tells()) return undefined;
      const others = tellable();
      const added = [...others].filter(([key]) => !told.has(key)).slice(0, MAX_TOLD);
      const dropped = [...told].filter(([key]) => !others.has(key)).slice(0, MAX_TOLD);
      const nothing = added.length === 0 && dropped.length === 0;
      nextDue = now + (nothing ? LOOK : INTERVAL);
      if (nothing) return undefined;
      for (const [key, { address }] of added) told.set(key, address);
      for (const [key] of dropped) told.delete(key);
      return encodeUtPex({
        added: added.map(([, peer]) => peer),
        dropped: dropped.map(([, address]) => address),
      });
    },
    contact: () =>
      listens === undefined
        ? undefined
        : { address: listens, flags: flags | (uploadOnly || options.isSeed() ? PexFlag.seed : 0) },
  };
};
