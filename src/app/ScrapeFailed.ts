/** No tracker told how many share a torrent (status 1). */
import * as Data from "effect/Data";

/** None of so many trackers answered; with none there was nobody to ask. */
export class ScrapeFailed extends Data.TaggedError("ScrapeFailed")<{
  readonly name: string;
  readonly trackers: number;
}> {
  /** `scrape.no-tracker`, `scrape.no-answer`. */
  get code(): string {
    return this.trackers === 0 ? "scrape.no-tracker" : "scrape.no-answer";
  }
  override get message(): string {
    return this.trackers === 0
      ? `${this.name}: it names no tracker to ask; name one with --tracker`
      : `${this.name}: no tracker tells how many share it (asked: ${this.trackers})`;
  }
}
