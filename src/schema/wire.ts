/**
 * The peer wire protocol as bytes (BEP 3, 6, 10): handshake, messages, and an incremental decoder. No socket, no state of a conversation:
 * whether a message is allowed now is decided in `streams/`.
 *
 * Ownership: the decoder copies what it hands out, but for the payload of `piece`, which it copies straight to where its
 * `BlockSink` says.
 */
import type { WireViolation } from "./errors/PeerError.ts";

/** What can be asked for at once, in bytes (BEP 3). */
export const BLOCK_LENGTH = 16384;

/** A message between peers. `Piece` is without its payload, which went to the `BlockSink`. */
export type Message =
  | { readonly _tag: "KeepAlive" }
  | { readonly _tag: "Choke" }
  | { readonly _tag: "Unchoke" }
  | { readonly _tag: "Interested" }
  | { readonly _tag: "NotInterested" }
  | { readonly _tag: "Have"; readonly index: number }
  | { readonly _tag: "Bitfield"; readonly bits: Uint8Array }
  | { readonly _tag: "Request"; readonly index: number; readonly begin: number; readonly length: number }
  /** `wanted` is what `BlockSink.end` said, false when `begin` did not want it. */
  | {
      readonly _tag: "Piece";
      readonly index: number;
      readonly begin: number;
      readonly length: number;
      readonly wanted: boolean;
    }
  | { readonly _tag: "Cancel"; readonly index: number; readonly begin: number; readonly length: number }
  | { readonly _tag: "Port"; readonly port: number }
  | { readonly _tag: "Suggest"; readonly index: number }
  | { readonly _tag: "HaveAll" }
  | { readonly _tag: "HaveNone" }
  | { readonly _tag: "Reject"; readonly index: number; readonly begin: number; readonly length: number }
  | { readonly _tag: "AllowedFast"; readonly index: number }
  /** BEP 10: `id` 0 is the extension handshake. */
  | { readonly _tag: "Extended"; readonly id: number; readonly payload: Uint8Array };

/** Where the payload of `piece` messages goes; called synchronously from the decoder, must not throw. */
export interface BlockSink {
  /** A block begins: the memory (exactly `length` bytes) that its payload is to be copied to, or nothing to drop it. */
  readonly begin: (index: number, begin: number, length: number) => Uint8Array | undefined;
  /** The block that `begin` gave memory for is complete. Whether it was of use. */
  readonly end: (index: number, begin: number, length: number) => boolean;
}

/** Bounds of a decoder. */
export interface DecoderOptions {
  readonly blocks: BlockSink;
  /** Largest bitfield to accept, in bytes. */
  readonly maxBitfield: number;
  /** Largest extended message to accept, in bytes. */
  readonly maxExtended: number;
}

/** `bytes` are valid during the call only; what is returned ends the conversation. Fits `Transport.Decode`. */
export type Decoder = (bytes: Uint8Array, out: Array<Message>) => WireViolation | undefined;
