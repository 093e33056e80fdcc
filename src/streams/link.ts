/** A peer after the BitTorrent handshake, before the conversation: what `connections` hands to `converse`. */
import type * as Effect from "effect/Effect";
import type { Connection } from "../services/Transport/Transport.ts";

/** An open connection to a peer that has our torrent. */
export interface Link {
  readonly connection: Connection;
  /** `address:port`, canonical. */
  readonly address: string;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  /** Both sides go on with v2 (BEP 52): they may ask for hashes. */
  readonly v2: boolean;
  /** Requests that are not answered are rejected: with the fast extension, and always in v2 (BEP 6, 52). */
  readonly rejects: boolean;
  /** Both sides speak the fast extension (BEP 6). */
  readonly fast: boolean;
  /** Both sides speak the extension protocol (BEP 10). */
  readonly extended: boolean;
  /** Both sides have a DHT node (BEP 5). */
  readonly dht: boolean;
  /** Closes the connection and frees its place. */
  readonly close: Effect.Effect<void>;
}
