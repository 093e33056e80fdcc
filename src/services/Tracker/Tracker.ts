/**
 * One announce to one tracker (BEP 3, 7, 15, 23, 24, 31, 41): by URL, over HTTP, HTTPS or UDP. It does not decide when to announce or to which
 * tracker: that is `streams/announces.ts`.
 */
import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import type * as NetAddress from "effect/net/NetAddress";
import type { TrackerError } from "../../schema/errors/TrackerError.ts";
import type { InfoHash } from "../../schema/infoHash.ts";

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

/** Announces. Layers: `services/Tracker/live.ts` (HTTP and UDP by scheme), `services/Tracker/memory.ts`. */
export class Tracker extends Context.Service<
  Tracker,
  {
    /** Completes with the first answer that holds, fails when all address families failed. Interrupting it abandons the request. */
    readonly announce: (url: string, request: AnnounceRequest) => Effect.Effect<AnnounceResponse, TrackerError>;
  }
>()("bt-effect/services/Tracker") {}
