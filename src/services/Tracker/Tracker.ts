/**
 * One announce to one tracker (BEP 3, 7, 15, 23, 24, 31, 41): by URL, over HTTP, HTTPS or UDP. It does not decide when to announce or to which
 * tracker: that is `streams/announces.ts`.
 */
import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import type { TrackerError } from "../../schema/errors/TrackerError.ts";
import type { AnnounceRequest, AnnounceResponse } from "../../schema/tracker.ts";

/** Announces. Layers: `services/Tracker/live.ts` (HTTP and UDP by scheme), `services/Tracker/memory.ts`. */
export class Tracker extends Context.Service<
  Tracker,
  {
    /** Completes with the first answer that holds, fails when all address families failed. Interrupting it abandons the request. */
    readonly announce: (url: string, request: AnnounceRequest) => Effect.Effect<AnnounceResponse, TrackerError>;
  }
>()("bt-effect/services/Tracker") {}
