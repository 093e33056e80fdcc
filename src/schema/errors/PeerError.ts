/** What ends the conversation with one peer, and that peer alone. */
import * as Data from "effect/Data";
import { kebab } from "./kebab.ts";
import type { TransportError } from "./TransportError.ts";

/** A breach of the peer wire protocol, found by a codec. */
export type WireViolation =
  | { readonly _tag: "FrameTooLong"; readonly length: number; readonly limit: number }
  /** A message whose length does not fit its kind. */
  | { readonly _tag: "BadLength"; readonly message: string; readonly length: number }
  | { readonly _tag: "BadExtension"; readonly name: string; readonly why: string };

/** A breach of the handshake of encrypted connections (MSE). */
export interface MseViolation {
  readonly _tag: "BadEncryption";
  readonly why: string;
}

/** Why we parted. */
export type PeerReason =
  | WireViolation
  | MseViolation
  /** Encryption is required of us, and the peer came without. */
  | { readonly _tag: "NotEncrypted" }
  | { readonly _tag: "NotBitTorrent" }
  | { readonly _tag: "WrongTorrent" }
  | { readonly _tag: "Self" }
  | { readonly _tag: "Duplicate" }
  /** The torrent is private, and the peer was not named by its tracker. */
  | { readonly _tag: "Uninvited" }
  | { readonly _tag: "HandshakeTimedOut" }
  /** Bitfield, have all or have none after another message. */
  | { readonly _tag: "LateBitfield" }
  | { readonly _tag: "BadBitfield" }
  /** A piece index or block outside the torrent. */
  | { readonly _tag: "OutOfRange"; readonly message: string; readonly index: number }
  /** A message of the fast extension without it having been agreed, or against its rules. */
  | { readonly _tag: "FastViolation"; readonly message: string }
  | { readonly _tag: "TooManyRequests"; readonly limit: number }
  /** Hashes that nobody asked it for. */
  | { readonly _tag: "Unrequested"; readonly message: string }
  /** Hashes that do not prove right by the root of their file (BEP 52). */
  | { readonly _tag: "BadHashes" }
  /** More of some message than any honest peer sends. */
  | { readonly _tag: "Flood"; readonly message: string }
  /** Lets pile up what it is sent; `waiting` in bytes. */
  | { readonly _tag: "NotReading"; readonly waiting: number }
  | { readonly _tag: "Idle"; readonly afterMillis: number }
  /** Neither side has anything the other wants. */
  | { readonly _tag: "Useless" }
  | { readonly _tag: "Banned"; readonly why: string }
  /** Our side has no room. */
  | { readonly _tag: "Full" }
  /** To be met again at once, by a hash of the torrent that was not known when it was met (BEP 52). */
  | { readonly _tag: "OtherHash" }
  | { readonly _tag: "Connection"; readonly error: TransportError };

const sentence = (reason: PeerReason): string => {
  switch (reason._tag) {
    case "FrameTooLong":
      return `sent a message of ${reason.length} bytes (limit ${reason.limit})`;
    case "BadLength":
      return `sent a "${reason.message}" of ${reason.length} bytes`;
    case "BadExtension":
      return `sent a malformed ${reason.name}: ${reason.why}`;
    case "BadEncryption":
      return `failed at encryption: ${reason.why}`;
    case "NotEncrypted":
      return "does not encrypt, which is required here";
    case "NotBitTorrent":
      return "does not speak BitTorrent";
    case "WrongTorrent":
      return "does not have this torrent";
    case "Self":
      return "is ourselves";
    case "Duplicate":
      return "is already connected";
    case "Uninvited":
      return "was not named by the tracker of this private torrent";
    case "HandshakeTimedOut":
      return "did not finish the handshake in time";
    case "LateBitfield":
      return "sent its bitfield after other messages";
    case "BadBitfield":
      return "sent a bitfield that does not fit the torrent";
    case "OutOfRange":
      return `sent a "${reason.message}" outside the torrent (piece ${reason.index})`;
    case "FastViolation":
      return `broke the rules of the fast extension with "${reason.message}"`;
    case "TooManyRequests":
      return `has more than ${reason.limit} requests waiting`;
    case "Unrequested":
      return `sent "${reason.message}" that it was not asked for`;
    case "BadHashes":
      return "sent hashes that do not prove right";
    case "Flood":
      return `sent far too many "${reason.message}" messages`;
    case "NotReading":
      return `does not read what it is sent (${reason.waiting} bytes wait)`;
    case "Idle":
      return `was silent for ${Math.round(reason.afterMillis / 1000)} s`;
    case "Useless":
      return "has nothing for us, nor we for it";
    case "Banned":
      return `is banned: ${reason.why}`;
    case "Full":
      return "found no free place";
    case "OtherHash":
      return "is met again by the torrent's other hash";
    case "Connection":
      return reason.error.message.slice(reason.error.address.length + 2);
  }
};

/** The conversation with the peer at `address` ended. */
export class PeerError extends Data.TaggedError("PeerError")<{
  readonly address: string;
  readonly reason: PeerReason;
}> {
  /** `peer.frame-too-long`, `peer.idle` …; of a connection that failed, what its transport says: `transport.refused` … */
  get code(): string {
    const { reason } = this;
    return reason._tag === "Connection" ? reason.error.code : `peer.${kebab(reason._tag)}`;
  }
  override get message(): string {
    return `peer ${this.address} ${sentence(this.reason)}`;
  }
}
