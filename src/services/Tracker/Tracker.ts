/**
 * One announce to one tracker (BEP 3, 7, 15, 23, 24, 31, 41), or one question how a torrent stands there (BEP 48): by URL, over HTTP, HTTPS or UDP. When
 * to announce, and to which tracker, is for `streams/announces.ts`.
 */
import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import type { TrackerError } from "../../schema/errors/TrackerError.ts";
import type { InfoHash } from "../../schema/infoHash.ts";
import type { ScrapeCounts } from "../../schema/scrape.ts";
import type { AnnounceRequest, AnnounceResponse } from "../../schema/tracker.ts";

/** Announces. Layers: `services/Tracker/live.ts` (HTTP and UDP by scheme), `services/Tracker/memory.ts`. */
export class Tracker extends Context.Service<
  Tracker,
  {
    /** Completes with the first answer that holds, fails when all address families failed. Interrupting it abandons the request. */
    readonly announce: (url: string, request: AnnounceRequest) => Effect.Effect<AnnounceResponse, TrackerError>;
    /** Asks the tracker of an announce URL for its counts of a torrent; zeros for one that it does not know. Interruptible as `announce` is. */
    readonly scrape: (url: string, infoHash: InfoHash) => Effect.Effect<ScrapeCounts, TrackerError>;
  }
>()("bt-effect/services/Tracker") {}
