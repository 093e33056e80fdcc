/** What peers say to each other (BEP 3, 6, 10, 52), apart from how it looks as bytes: that is wire.ts's. */
import type { HashMessage } from "./hashMessages.ts";

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
  | { readonly _tag: "Extended"; readonly id: number; readonly payload: Uint8Array }
  | HashMessage;

/** What `encode` takes: a `piece` is sent as `pieceHeader` and its payload. */
export type EncodableMessage = Exclude<Message, { readonly _tag: "Piece" }>;
