/**
 * The 68 bytes that open a conversation between peers (BEP 3), with the bits by which extensions are offered. Whether the torrent and the
 * peer are welcome is decided elsewhere.
 */
import * as Option from "effect/Option";
import * as Result from "effect/Result";
import type { PeerReason } from "./errors/PeerError.ts";
import { fromBytes, type InfoHash } from "./infoHash.ts";

/** The length of a handshake, in bytes. */
export const HANDSHAKE_LENGTH = 68;

/** Name of the protocol behind its length, 20 bytes: how every handshake begins. */
export const PROTOCOL = new TextEncoder().encode("\x13BitTorrent protocol");
const RESERVED_AT = 20;
const INFO_HASH_AT = 28;
const PEER_ID_AT = 48;

/** The reserved bits that are known: which of the eight bytes, and its mask (BEP 10, 5, 6, 52). */
const BITS = {
  extension: { byte: 5, mask: 0x10 },
  dht: { byte: 7, mask: 0x01 },
  fast: { byte: 7, mask: 0x04 },
  v2Upgrade: { byte: 7, mask: 0x10 },
} as const;

/** What one side says first. */
export interface Handshake {
  readonly infoHash: InfoHash;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  /** Speaks the extension protocol (BEP 10). */
  readonly extension: boolean;
  /** Has a DHT node (BEP 5). */
  readonly dht: boolean;
  /** Speaks the fast extension (BEP 6). */
  readonly fast: boolean;
  /** Asks to go on with v2 on the v1 hash of a hybrid (BEP 52). */
  readonly v2Upgrade: boolean;
}

/** The bytes of a handshake. */
export const encodeHandshake = (handshake: Handshake): Uint8Array => {
  const bytes = new Uint8Array(HANDSHAKE_LENGTH);
  bytes.set(PROTOCOL);
  const set = ({ byte, mask }: (typeof BITS)[keyof typeof BITS], offered: boolean): void => {
    if (offered) bytes[RESERVED_AT + byte] = (bytes[RESERVED_AT + byte] ?? 0) | mask;
  };
  set(BITS.extension, handshake.extension);
  set(BITS.dht, handshake.dht);
  set(BITS.fast, handshake.fast);
  set(BITS.v2Upgrade, handshake.v2Upgrade);
  bytes.set(handshake.infoHash.bytes, INFO_HASH_AT);
  bytes.set(handshake.peerId.subarray(0, HANDSHAKE_LENGTH - PEER_ID_AT), PEER_ID_AT);
  return bytes;
};

/** Reads the 68 bytes of a handshake; what is handed out is copied. Unknown reserved bits are ignored. */
export const decodeHandshake = (
  bytes: Uint8Array,
): Result.Result<Handshake, Extract<PeerReason, { readonly _tag: "NotBitTorrent" }>> => {
  const infoHash = fromBytes(bytes.subarray(INFO_HASH_AT, PEER_ID_AT));
  if (bytes.length !== HANDSHAKE_LENGTH || Option.isNone(infoHash) || PROTOCOL.some((byte, i) => byte !== bytes[i])) {
    return Result.fail({ _tag: "NotBitTorrent" });
  }
  const has = ({ byte, mask }: (typeof BITS)[keyof typeof BITS]): boolean =>
    ((bytes[RESERVED_AT + byte] ?? 0) & mask) !== 0;
  return Result.succeed({
    infoHash: infoHash.value,
    peerId: Uint8Array.from(bytes.subarray(PEER_ID_AT)),
    extension: has(BITS.extension),
    dht: has(BITS.dht),
    fast: has(BITS.fast),
    v2Upgrade: has(BITS.v2Upgrade),
  });
};
