/** What is said between a client and a tracker (BEP 3, 15), whatever the protocol that carries it, and the bounds of it. */
import * as NetAddress from "effect/net/NetAddress";
import type { InfoHash } from "./infoHash.ts";

/** Peers taken from one answer: as many as are kept per torrent. */
export const MAX_PEERS = 3000;
/** Characters taken of a tracker's text for people. */
export const MAX_TEXT = 300;

/** What we tell a tracker. Counts are payload bytes since `started`. */
export interface AnnounceRequest {
  readonly infoHash: InfoHash;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  /** The port we listen on. */
  readonly port: number;
  readonly uploaded: number;
  readonly downloaded: number;
  readonly left: number;
  readonly event: "none" | "started" | "completed" | "stopped";
  /** Nothing more is fetched, though not all is there (BEP 21). */
  readonly partialSeed?: boolean;
  readonly numwant: number;
  /** 32 random bits, the same for all announces of a session. */
  readonly key: number;
  /** The tracker's own `tracker id`, from its last answer. */
  readonly trackerId?: string | undefined;
}

/** What a tracker answered; the answers of several address families joined. */
export interface AnnounceResponse {
  readonly peers: ReadonlyArray<NetAddress.InetAddress>;
  /** Seconds until the next announce, as given (not clamped). */
  readonly interval: number;
  /** Seconds before which not to announce again. */
  readonly minInterval?: number;
  readonly trackerId?: string;
  readonly warning?: string;
  readonly seeders?: number;
  readonly leechers?: number;
  /** Our address as the tracker sees it (BEP 24). */
  readonly externalIp?: NetAddress.IpAddress;
}

/** Whether a peer can be dialled at all: trackers hand out port 0 and unspecified addresses. */
export const isDialable = (peer: NetAddress.InetAddress): boolean =>
  peer.port !== 0 && !NetAddress.isUnspecified(peer.address) && !NetAddress.isMulticast(peer.address);

const decoder = new TextDecoder();

/** A tracker's text for people: invalid UTF-8 and whatever could disturb a terminal replaced, and not too long. */
export const humanText = (bytes: Uint8Array): string => {
  // a character has at most 4 bytes
  const text = decoder.decode(bytes.subarray(0, MAX_TEXT * 4));
  return text
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ")
    .trim()
    .slice(0, MAX_TEXT);
};

/** The address in 4 or 16 bytes. */
export const ipFromBytes = (bytes: Uint8Array | undefined): NetAddress.IpAddress | undefined => {
  if (bytes?.length === 4) return NetAddress.ipv4FromBytesUnsafe(bytes);
  if (bytes?.length === 16) return NetAddress.ipv6FromBytesUnsafe(bytes);
  return undefined;
};
