/** Why `<torrent>`, as it was named on the command line, gives no torrent (status 3). */
import * as Data from "effect/Data";
import type { Explained } from "../schema/errors/code.ts";
import { kebab } from "../schema/errors/kebab.ts";

/** What was in the way. */
export type SourceReason =
  | { readonly _tag: "NotFound" }
  | { readonly _tag: "NoPermission" }
  | { readonly _tag: "IsFolder" }
  | { readonly _tag: "Empty" }
  | { readonly _tag: "TooLarge"; readonly limit: number }
  | { readonly _tag: "Unreadable"; readonly why: string }
  /** The server answered with another status than 200. */
  | { readonly _tag: "HttpStatus"; readonly status: number }
  | { readonly _tag: "Unreachable"; readonly why: string }
  | { readonly _tag: "TimedOut"; readonly seconds: number }
  /** A page of a website instead of a torrent. */
  | { readonly _tag: "WebPage" }
  | { readonly _tag: "UnsupportedScheme"; readonly scheme: string }
  /** A magnet link or an info-hash where the whole torrent is needed. */
  | { readonly _tag: "OnlyLink" }
  /** The bytes or the link were there, but they are no torrent: what the codec says. */
  | { readonly _tag: "Invalid"; readonly error: Explained };

const sentence = (reason: SourceReason): string => {
  switch (reason._tag) {
    case "NotFound":
      return "no such file";
    case "NoPermission":
      return "no permission to read it";
    case "IsFolder":
      return "is a folder, not a .torrent file";
    case "Empty":
      return "is empty, not a .torrent file";
    case "TooLarge":
      return `larger than ${reason.limit} bytes, too large for a .torrent file`;
    case "Unreadable":
      return `cannot be read (${reason.why})`;
    case "HttpStatus":
      return `the server answers with HTTP status ${reason.status}`;
    case "Unreachable":
      return `cannot be fetched (${reason.why})`;
    case "TimedOut":
      return `the server did not deliver it within ${reason.seconds} s`;
    case "WebPage":
      return "is a web page, not a .torrent file; copy the link of the torrent itself";
    case "UnsupportedScheme":
      return `links of the kind ${reason.scheme} are not supported; use a file, http(s), magnet or an info-hash`;
    case "OnlyLink":
      return "is only a link to a torrent, and this needs the torrent itself; fetch it with: bt-effect magnet --save";
    case "Invalid":
      return reason.error.message;
  }
};

/** `name` (as given, shortened when very long) gives no torrent. */
export class SourceError extends Data.TaggedError("SourceError")<{
  readonly name: string;
  readonly reason: SourceReason;
}> {
  /** `source.not-found`, `source.http-status` …; of an invalid torrent, what its codec says: `metainfo.missing` … */
  get code(): string {
    return this.reason._tag === "Invalid" ? this.reason.error.code : `source.${kebab(this.reason._tag)}`;
  }
  override get message(): string {
    return `${this.name}: ${sentence(this.reason)}`;
  }
}
