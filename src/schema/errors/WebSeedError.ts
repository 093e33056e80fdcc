/** Failures of one request to one web seed; they never end a download. */
import * as Data from "effect/Data";
import { kebab } from "./kebab.ts";

/** Why a web seed gave no bytes. */
export type WebSeedReason =
  | { readonly _tag: "TimedOut" }
  | { readonly _tag: "Unreachable"; readonly cause: unknown }
  | { readonly _tag: "UnknownHost"; readonly host: string }
  /** It does not have the file (404, 410), or has one of another length. */
  | { readonly _tag: "Missing"; readonly why: string }
  /** It asks us to wait (503, 429), in seconds. */
  | { readonly _tag: "Busy"; readonly seconds: number }
  | { readonly _tag: "HttpStatus"; readonly status: number }
  /** It sends whole files where a part was asked for. */
  | { readonly _tag: "NoRanges" }
  /** It redirects to where we will not follow. */
  | { readonly _tag: "BadRedirect"; readonly why: string }
  /** The answer is not what was asked for. */
  | { readonly _tag: "Malformed"; readonly why: string };

const sentence = (reason: WebSeedReason): string => {
  switch (reason._tag) {
    case "TimedOut":
      return "no answer";
    case "Unreachable":
      return `cannot be reached (${reason.cause instanceof Error ? reason.cause.message : String(reason.cause)})`;
    case "UnknownHost":
      return `unknown host ${reason.host}`;
    case "Missing":
      return `does not have the file (${reason.why})`;
    case "Busy":
      return `is busy for ${reason.seconds} s`;
    case "HttpStatus":
      return `HTTP status ${reason.status}`;
    case "NoRanges":
      return "cannot send parts of files";
    case "BadRedirect":
      return `it redirects ${reason.why}`;
    case "Malformed":
      return `the answer makes no sense: ${reason.why}`;
  }
};

/** The request to the web seed at `url` (without its password) failed. */
export class WebSeedError extends Data.TaggedError("WebSeedError")<{
  readonly url: string;
  readonly reason: WebSeedReason;
}> {
  /** `web-seed.timed-out`, `web-seed.missing` … */
  get code(): string {
    return `web-seed.${kebab(this.reason._tag)}`;
  }
  override get message(): string {
    return `${this.url}: ${sentence(this.reason)}`;
  }
}
