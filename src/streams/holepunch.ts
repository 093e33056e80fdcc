/**
 * Getting through to peers behind NATs (BEP 55), in all three parts: asking somebody who is connected to the peer, bringing together
 * two who are connected to us, and dialling when told to. It sends through conversations and leaves the dialling to connections.ts.
 *
 * State: the conversations of one download that can take part, and what was asked and done of late, bounded.
 */
import * as Effect from "effect/Effect";
import * as NetAddress from "effect/net/NetAddress";
import * as Option from "effect/Option";
import * as Queue from "effect/Queue";
import * as Result from "effect/Result";
import * as Stream from "effect/Stream";
import type { PeerReason } from "../schema/errors/PeerError.ts";
import type { ExtensionHandshake } from "../schema/extension.ts";
import { meansTheSameTo } from "../schema/reach.ts";
import { decodeUtHolepunch, encodeUtHolepunch, type HolepunchMessage } from "../schema/utHolepunch.ts";
import { PexFlag, type PexPeer } from "../schema/utPex.ts";
import type { Connection } from "../services/Transport/Transport.ts";
import type { Candidate } from "./addressBook.ts";

/** The id that peers are to use; the same as libtorrent's. */
export const HOLEPUNCH_ID = 4;

/** Messages of one peer that are acted upon in a minute: what it may ask us to relay, and whom it may have us dial. */
const MAX_A_MINUTE = 12;
/** One peer is asked for, or dialled at somebody's word, once in this time, in milliseconds. */
const AGAIN_AFTER = 30_000;
/** Addresses remembered for that. */
const MAX_RECENT = 256;
/** Dials at somebody's word that wait. */
const MAX_WAITING = 32;
const MINUTE = 60_000;

/** One conversation's part. Times are milliseconds of the monotonic clock. */
export interface HolepunchPeer {
  readonly greeted: (theirs: ExtensionHandshake) => void;
  /** A message of the peer came; a returned reason ends the conversation. */
  readonly received: (payload: Uint8Array, now: number) => PeerReason | undefined;
  readonly close: () => void;
}

/** What a conversation tells of itself. */
export interface HolepunchPeerOptions {
  readonly connection: Pick<Connection, "remote" | "kind">;
  /** How others are told of the peer. */
  readonly contact: () => PexPeer | undefined;
  /** Sends an extended message. */
  readonly say: (id: number, payload: Uint8Array) => void;
}

/** The holes of one download. */
export interface Holepunch {
  /** Whether we take part. */
  readonly isUsed: () => boolean;
  readonly join: (options: HolepunchPeerOptions) => HolepunchPeer;
  /** A dial failed: asks whoever named the peer to bring us together, if it can. */
  readonly unreachable: (candidate: Candidate, now: number) => void;
  /** Whom to dial at once by uTP. */
  readonly dials: Stream.Stream<NetAddress.InetAddress>;
}

interface Party extends HolepunchPeerOptions {
  readonly remote: NetAddress.InetAddress;
  /** The id that it wants to be sent messages by; 0: none. */
  id: number;
}

const keyOf = NetAddress.formatInet;

/** True once for each address in `AGAIN_AFTER`; bounded. */
const makeRecent = () => {
  const recent = new Map<string, number>();
  return (address: NetAddress.InetAddress, now: number): boolean => {
    const key = keyOf(address);
    const last = recent.get(key);
    if (last !== undefined && now - last < AGAIN_AFTER) return false;
    recent.delete(key);
    const [oldest] = recent.keys();
    if (recent.size >= MAX_RECENT && oldest !== undefined) recent.delete(oldest);
    recent.set(key, now);
    return true;
  };
};

/** True as long as there were no more than `MAX_A_MINUTE` in the last minute. */
const makeAllowance = () => {
  let times: Array<number> = [];
  return (now: number): boolean => {
    times = times.filter((time) => now - time < MINUTE);
    return times.length < MAX_A_MINUTE && times.push(now) > 0;
  };
};

/** Nobody takes part yet. `isUsed`: there is uTP, and peers may be found by way of others at all (never in private torrents, BEP 27). */
export const makeHolepunch = (options: { readonly isUsed: () => boolean }): Effect.Effect<Holepunch> =>
  Effect.gen(function* () {
    const parties = new Set<Party>();
    const dials = yield* Queue.dropping<NetAddress.InetAddress>(MAX_WAITING);
    const isNewToAsk = makeRecent();
    const isNewToDial = makeRecent();

    /** Where the peer's packets come from: over TCP from another port than that which it dials by uTP from. */
    const endpointOf = (party: Party): NetAddress.InetAddress =>
      party.connection.kind === "utp" ? party.remote : (party.contact()?.address ?? party.remote);
    const find = (address: NetAddress.InetAddress): Party | undefined => {
      const key = keyOf(address);
      for (const party of parties) if (keyOf(party.remote) === key || keyOf(endpointOf(party)) === key) return party;
      for (const party of parties) {
        const contact = party.contact();
        if (contact !== undefined && keyOf(contact.address) === key) return party;
      }
      return undefined;
    };
    const tell = (party: Party, message: HolepunchMessage): void => {
      if (party.id !== 0) party.say(party.id, encodeUtHolepunch(message));
    };

    const relay = (asker: Party, address: NetAddress.InetAddress): void => {
      const target = find(address);
      if (target === undefined) return tell(asker, { _tag: "Error", address, error: "NotConnected" });
      if (target === asker) return tell(asker, { _tag: "Error", address, error: "NoSelf" });
      if (target.id === 0) return tell(asker, { _tag: "Error", address, error: "NoSupport" });
      const [theirs, ours] = [endpointOf(target), endpointOf(asker)];
      tell(asker, { _tag: "Connect", address: theirs });
      tell(target, { _tag: "Connect", address: ours });
    };
    const dial = (by: Party, address: NetAddress.InetAddress, now: number): void => {
      if (address.port === 0 || !NetAddress.isUnicast(address.address)) return;
      if (!meansTheSameTo(address.address, by.remote.address)) return;
      if (find(address) === undefined && isNewToDial(address, now)) Queue.offerUnsafe(dials, address);
    };

    return {
      isUsed: options.isUsed,
      join: (given) => {
        const party: Party = { ...given, remote: NetAddress.toCanonical(given.connection.remote), id: 0 };
        const mayAsk = makeAllowance();
        parties.add(party);
        return {
          greeted: (theirs) => {
            party.id = theirs.messages.get("ut_holepunch") ?? party.id;
          },
          received: (payload, now) => {
            if (!options.isUsed()) return undefined;
            const decoded = decodeUtHolepunch(payload);
            if (Result.isFailure(decoded)) return decoded.failure;
            if (Option.isNone(decoded.success) || !mayAsk(now)) return undefined;
            const message = decoded.success.value;
            if (message._tag === "Rendezvous") relay(party, message.address);
            // that it could not be done changes nothing: the address waits for its next turn anyway
            else if (message._tag === "Connect") dial(party, message.address, now);
            return undefined;
          },
          close: () => void parties.delete(party),
        };
      },
      unreachable: ({ address, pex }, now) => {
        if (!options.isUsed() || pex === undefined || (pex.flags & PexFlag.holepunch) === 0) return;
        const relaying = find(pex.relay);
        if (relaying === undefined || relaying.id === 0 || !isNewToAsk(address, now)) return;
        tell(relaying, { _tag: "Rendezvous", address });
      },
      dials: Stream.fromQueue(dials),
    };
  });
