/** Failures of one announce to one tracker, or one scrape; announces are retried by its schedule, they never end a download. */
import * as Data from "effect/Data";
import { kebab } from "./kebab.ts";

/** Why a tracker gave no peers. */
export type TrackerReason =
  /** The tracker said no (`failure reason`, UDP error). `retryIn` (BEP 31) is in seconds, or never. */
  | { readonly _tag: "Rejected"; readonly text: string; readonly retryIn?: number | "never" }
  | { readonly _tag: "TimedOut" }
  | { readonly _tag: "Unreachable"; readonly cause: unknown }
  | { readonly _tag: "UnknownHost"; readonly host: string }
  | { readonly _tag: "HttpStatus"; readonly status: number }
  | { readonly _tag: "TooLarge"; readonly limit: number }
  /** The answer is not what a tracker's answer must be. */
  | { readonly _tag: "Malformed"; readonly why: string }
  /** Asked how a torrent stands, at a URL that says nothing of where to ask that (BEP 48). */
  | { readonly _tag: "NoScrape" }
  | { readonly _tag: "Unsupported"; readonly scheme: string };

const sentence = (reason: TrackerReason): string => {
  switch (reason._tag) {
    case "Rejected":
      return `the tracker says: ${reason.text}`;
    case "TimedOut":
      return "no answer";
    case "Unreachable":
      return `cannot be reached (${reason.cause instanceof Error ? reason.cause.message : String(reason.cause)})`;
    case "UnknownHost":
      return `unknown host ${reason.host}`;
    case "HttpStatus":
      return `HTTP status ${reason.status}`;
    case "TooLarge":
      return `the answer is larger than ${reason.limit} bytes`;
    case "Malformed":
      return `the answer makes no sense: ${reason.why}`;
    case "NoScrape":
      return "this tracker cannot be asked how many share a torrent";
    case "Unsupported":
      return `trackers of the kind ${reason.scheme} are not supported`;
  }
};

/** The announce to `url` failed. */
export class TrackerError extends Data.TaggedError("TrackerError")<{
  readonly url: string;
  readonly reason: TrackerReason;
}> {
  /** `tracker.rejected`, `tracker.timed-out` … */
  get code(): string {
    return `tracker.${kebab(this.reason._tag)}`;
  }
  override get message(): string {
    return `${this.url}: ${sentence(this.reason)}`;
  }
}
