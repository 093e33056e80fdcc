/** How a torrent stands with its trackers, all asked at once. Nothing is announced, and no tracker's failure hides the answer of another. */
import * as Arr from "effect/Array";
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
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

/** The larger of each count: most of those who share a hybrid are in both of its swarms. */
const larger = (one: ScrapeCounts, other: ScrapeCounts): ScrapeCounts => {
  const downloaders = [one.downloaders, other.downloaders].filter((count) => count !== undefined);
  return {
    seeders: Math.max(one.seeders, other.seeders),
    leechers: Math.max(one.leechers, other.leechers),
    completed: Math.max(one.completed, other.completed),
    ...(downloaders.length > 0 && { downloaders: Math.max(...downloaders) }),
  };
};

const joined = (one: Scraped["result"], other: Scraped["result"]): Scraped["result"] => {
  if (Result.isFailure(one)) return other;
  return Result.isFailure(other) ? one : Result.succeed(larger(one.success, other.success));
};

/**
 * Asks the trackers at these announce URLs by all names of the torrent (BEP 52); answers in their order. One that does not know the torrent counts none, one
 * that knows it by one of its names has answered.
 */
export const scrapeAll = Effect.fnUntraced(function* (
  urls: ReadonlyArray<string>,
  names: Arr.NonEmptyReadonlyArray<InfoHash>,
): Effect.fn.Return<ReadonlyArray<Scraped>, never, Tracker> {
  const tracker = yield* Tracker;
  return yield* Effect.forEach(
    urls,
    (url) =>
      Effect.forEach(names, (name) => Effect.result(tracker.scrape(url, name)), { concurrency: "unbounded" }).pipe(
        Effect.map((results) => ({ url, result: Arr.reduce(results, results[0], joined) })),
      ),
    { concurrency: AT_ONCE },
  );
});
