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
  /** Not a URL that can be asked. */
  | { readonly _tag: "BadUrl" }
  /** It redirects to where we do not follow: `why` ends the sentence. */
  | { readonly _tag: "BadRedirect"; readonly why: string }
  /** Nothing listens at `where`, host and port. */
  | { readonly _tag: "Refused"; readonly where: string }
  | { readonly _tag: "UnknownHost"; readonly host: string }
  /** The certificate of the host proves nothing; `why` is OpenSSL's code. */
  | { readonly _tag: "Untrusted"; readonly host: string; readonly why: string }
  /** What answers at `where` speaks no TLS, or no HTTP. */
  | { readonly _tag: "NoTls"; readonly where: string }
  | { readonly _tag: "NoHttp"; readonly where: string }
  | { readonly _tag: "Unreachable"; readonly where: string; readonly why: string }
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
    case "BadUrl":
      return "is no URL that can be fetched; it reads http://HOST:PORT/PATH, with a port up to 65535";
    case "BadRedirect":
      return `the server redirects ${reason.why}; open it with a browser, and use the link that it ends at`;
    case "Refused":
      return `no server listens at ${reason.where}; check the host and the port, or try again later`;
    case "UnknownHost":
      return `there is no host ${reason.host} to be found; check its spelling, and whether this machine is online`;
    case "Untrusted":
      return `the certificate of ${reason.host} is not trusted (${reason.why}); where it is your own, name its authority in NODE_EXTRA_CA_CERTS`;
    case "NoTls":
      return `the server at ${reason.where} speaks no TLS that fits; try http: in place of https:`;
    case "NoHttp":
      return `what answers at ${reason.where} is no web server; check the port`;
    case "Unreachable":
      return `${reason.where} cannot be reached (${reason.why}); check the network, or try again later`;
    case "TimedOut":
      return `the server did not deliver it within ${reason.seconds} s; try again later, or save it with a browser`;
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
