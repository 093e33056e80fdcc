/** Fetches a .torrent from a website. Loaded only where a URL is given. */
import * as Effect from "effect/Effect";
import { MAX_LENGTH } from "../schema/bencode.ts";
import type { HttpTarget } from "../schema/trackerHttp.ts";
import * as Agents from "../services/http/agents.ts";
import { follow, type HttpReason, wayTo } from "../services/http/client.ts";
import { ACCEPT, type BadGzip, type TooLarge, unpacked, whole } from "../services/http/whole.ts";
import { systemCode } from "../services/systemCode.ts";
import type { SourceReason } from "./SourceError.ts";

/** The whole of a fetch, redirects and body, in milliseconds. */
const TIMEOUT = 30_000;

/** How the codes begin that OpenSSL has for certificates which nobody trusts. */
const CERTIFICATE = /^(?:CERT_|CRL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|ERR_TLS_CERT_)/;

const whereOf = ({ hostname, port }: HttpTarget): string =>
  hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;

const unreachable = (cause: unknown, target: HttpTarget): SourceReason => {
  const code = systemCode(cause);
  const where = whereOf(target);
  if (code === "ECONNREFUSED") return { _tag: "Refused", where };
  if (CERTIFICATE.test(code)) return { _tag: "Untrusted", host: target.hostname, why: code };
  if (code === "EPROTO" || code.startsWith("ERR_SSL_")) return { _tag: "NoTls", where };
  if (["ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH"].includes(code))
    return { _tag: "Unreachable", where, why: "no way there" };
  if (code === "ECONNRESET" || code === "EPIPE") return { _tag: "Unreachable", where, why: "the server hung up" };
  return { _tag: "Unreachable", where, why: cause instanceof Error ? cause.message : String(cause) };
};

const reasonOf = (reason: HttpReason | TooLarge | BadGzip): SourceReason => {
  switch (reason._tag) {
    case "BadGzip":
      return { _tag: "Unreadable", why: "its gzip is damaged" };
    case "NoHttp":
      return { _tag: "NoHttp", where: whereOf(reason.target) };
    case "TimedOut":
      return { _tag: "TimedOut", seconds: reason.after / 1000 };
    case "Unreachable":
      return unreachable(reason.cause, reason.target);
    case "BadRedirect":
    case "BadUrl":
    case "TooLarge":
    case "UnknownHost":
      return reason;
  }
};

/** The bytes at `url`, at most those of a .torrent. */
export const fetchBytes = (url: string): Effect.Effect<Uint8Array, SourceReason> =>
  Effect.gen(function* () {
    const agents = yield* Agents.single;
    const request = { agents, headers: ACCEPT };
    const [{ body, status }] = yield* Effect.mapError(follow(wayTo(url), request, whole(MAX_LENGTH)), reasonOf);
    if (status !== 200) return yield* Effect.fail<SourceReason>({ _tag: "HttpStatus", status });
    return yield* Effect.mapError(unpacked(body, MAX_LENGTH), reasonOf);
  }).pipe(
    Effect.timeoutOrElse({
      duration: TIMEOUT,
      orElse: () => Effect.fail<SourceReason>({ _tag: "TimedOut", seconds: TIMEOUT / 1000 }),
    }),
  );
