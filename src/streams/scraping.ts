/** How a torrent stands with its trackers, all asked at once. Nothing is announced, and no tracker's failure hides the answer of another. */
import * as Effect from "effect/Effect";
import type * as Result from "effect/Result";
import type { TrackerError } from "../schema/errors/TrackerError.ts";
import type { InfoHash } from "../schema/infoHash.ts";
import type { ScrapeCounts } from "../schema/scrape.ts";
import { Tracker } from "../services/Tracker/Tracker.ts";

/** What one tracker said. */
export interface Scraped {
  readonly url: string;
  readonly result: Result.Result<ScrapeCounts, TrackerError>;
}

/** Trackers asked side by side. */
const AT_ONCE = 50;

/** Asks the trackers at these announce URLs; answers in their order. One that does not know the torrent counts none. */
export const scrapeAll = Effect.fnUntraced(function* (
  urls: ReadonlyArray<string>,
  infoHash: InfoHash,
): Effect.fn.Return<ReadonlyArray<Scraped>, never, Tracker> {
  const tracker = yield* Tracker;
  return yield* Effect.forEach(
    urls,
    (url) =>
      tracker.scrape(url, infoHash).pipe(
        Effect.result,
        Effect.map((result) => ({ url, result })),
      ),
    { concurrency: AT_ONCE },
  );
});
