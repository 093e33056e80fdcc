/**
 * The extension protocol in one conversation (BEP 10): what we offer, what the peer offered, and which room each message goes to (metadata.ts, pex.ts,
 * holepunch.ts, notices.ts). It knows no pieces.
 */
import * as NetAddress from "effect/net/NetAddress";
import * as Option from "effect/Option";
import * as Result from "effect/Result";
import type { PeerReason } from "../schema/errors/PeerError.ts";
import { decodeExtensionHandshake, encodeExtensionHandshake } from "../schema/extension.ts";
import { decodeUtMetadata, encodeUtMetadata } from "../schema/utMetadata.ts";
import { clientName } from "../schema/peerId.ts";
import { encode } from "../schema/wire.ts";
import { AGENT } from "../schema/version.ts";
import type { EncryptionWishes } from "./encryption.ts";
import { HOLEPUNCH_ID, type HolepunchPeer } from "./holepunch.ts";
import type { MetadataExchange, MetadataPeer } from "./metadata.ts";
import { NOTICE_IDS, type Notices } from "./notices.ts";
import type { Pex, PeerExchange } from "./pex.ts";
import type { Vantage } from "./vantage.ts";

/** The ids that peers are to use when they send to us. */
const OURS = { ut_metadata: 1, ut_pex: 2, ut_holepunch: HOLEPUNCH_ID, ...NOTICE_IDS } as const;
/** Requests a peer takes when it does not say (BEP 10). */
const DEFAULT_REQQ = 250;

/** The extensions of one peer. */
export interface Extensions {
  /** Our extension handshake, as a whole message. */
  readonly greeting: () => Uint8Array;
  /** An extended message arrived. A returned reason ends the conversation. */
  readonly received: (id: number, payload: Uint8Array, now: number) => PeerReason | undefined;
  /** What the peer calls itself. */
  readonly client: () => string;
  /** Requests that it takes. */
  readonly reqq: () => number;
  /** Timers: peer exchange. */
  readonly tick: (now: number) => void;
  readonly close: (now: number) => void;
}

/** Extensions of a peer that has not greeted yet. */
export const makeExtensions = (options: {
  readonly peerId: Uint8Array;
  readonly metadata: MetadataExchange;
  readonly pex: Pex;
  readonly exchange: PeerExchange;
  readonly vantage: Vantage;
  /** Where we see the peer. */
  readonly remote: NetAddress.InetAddress;
  readonly notices: Notices;
  /** Absent where we take no part in it. */
  readonly holepunch: HolepunchPeer | undefined;
  readonly encryption: EncryptionWishes;
  /** Our listening port; absent when there is none. */
  readonly port: number | undefined;
  readonly maxRequests: number;
  readonly send: (bytes: Uint8Array) => void;
  readonly convict: (why: string) => void;
}): Extensions => {
  let client = clientName(options.peerId);
  let reqq = DEFAULT_REQQ;
  let theirMetadataId = 0;
  let theirPexId = 0;
  let seen = false;
  let exchanging = options.exchange.isUsed();

  const say = (id: number, payload: Uint8Array): void => options.send(encode({ _tag: "Extended", id, payload }));
  const peer: MetadataPeer = {
    send: (message) => {
      if (theirMetadataId === 0) return;
      say(theirMetadataId, encodeUtMetadata(message));
    },
    convict: options.convict,
  };

  const isOffered = (name: string): boolean => {
    if (name === "ut_pex") return exchanging;
    return name !== "ut_holepunch" || options.holepunch !== undefined;
  };

  return {
    greeting: () => {
      const known = options.metadata.bytes();
      return encode({
        _tag: "Extended",
        id: 0,
        payload: encodeExtensionHandshake({
          messages: new Map(Object.entries(OURS).filter(([name]) => isOffered(name))),
          client: AGENT,
          reqq: options.maxRequests,
          yourIp: NetAddress.toCanonical(options.remote).address,
          ...(options.port !== undefined && { port: options.port }),
          ...(known !== undefined && { metadataSize: known.length }),
          ...(options.notices.greeting() && { uploadOnly: true }),
          ...(options.encryption.asks && { encryption: true }),
        }),
      });
    },
    received: (id, payload, now) => {
      if (id === 0) {
        const decoded = decodeExtensionHandshake(payload);
        if (Result.isFailure(decoded)) return decoded.failure;
        const theirs = decoded.success;
        if (theirs.client !== undefined && theirs.client.length > 0) client = theirs.client;
        if (theirs.reqq !== undefined && theirs.reqq > 0) reqq = theirs.reqq;
        theirMetadataId = theirs.messages.get("ut_metadata") ?? theirMetadataId;
        theirPexId = theirs.messages.get("ut_pex") ?? theirPexId;
        options.pex.greeted(theirs);
        if (theirs.yourIp !== undefined && !seen) options.vantage.seenAt(theirs.yourIp);
        seen ||= theirs.yourIp !== undefined;
        options.notices.greeted(theirs);
        options.holepunch?.greeted(theirs);
        options.encryption.greeted(theirs);
        if (theirMetadataId !== 0 && theirs.metadataSize !== undefined)
          options.metadata.offered(peer, theirs.metadataSize, now);
        return undefined;
      }
      if (id === OURS.ut_pex) return options.pex.received(payload, now);
      if (id === OURS.ut_holepunch) return options.holepunch?.received(payload, now);
      if (id !== OURS.ut_metadata) return options.notices.received(id, payload);
      const decoded = decodeUtMetadata(payload);
      if (Result.isFailure(decoded)) return decoded.failure;
      if (Option.isSome(decoded.success)) options.metadata.received(peer, decoded.success.value, now);
      return undefined;
    },
    client: () => client,
    reqq: () => reqq,
    tick: (now) => {
      options.notices.tick();
      if (exchanging && !options.exchange.isUsed()) {
        exchanging = false;
        say(0, encodeExtensionHandshake({ messages: new Map([["ut_pex", 0]]) }));
      }
      const payload = theirPexId === 0 ? undefined : options.pex.due(now);
      if (payload !== undefined) say(theirPexId, payload);
    },
    close: (now) => {
      options.metadata.left(peer, now);
      options.holepunch?.close();
    },
  };
};
