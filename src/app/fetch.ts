/**
 * Fetches a .torrent from a website. Loaded only where a URL is given. It is built on `node:http`, as the other HTTP of the program is: `fetch`
 * refuses ports and passwords that people use at home, and does not say what went wrong.
 */
import type { IncomingMessage } from "node:http";
import * as Effect from "effect/Effect";
import { MAX_LENGTH } from "../schema/bencode.ts";
import { type HttpTarget, httpTarget, redirectUrl } from "../schema/trackerHttp.ts";
import { USER_AGENT } from "../schema/version.ts";
import { clientOf } from "../services/httpClient.ts";
import { systemCode } from "../services/systemCode.ts";
import type { SourceReason } from "./SourceError.ts";

/** The whole of a fetch, redirects and body, seconds. */
const TIMEOUT_SECONDS = 30;
/** Redirects followed. */
const MAX_REDIRECTS = 5;

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const HEADERS = { "user-agent": USER_AGENT, "accept-encoding": "gzip", accept: "*/*" };
/** How the codes begin that OpenSSL has for certificates which nobody trusts. */
const CERTIFICATE = /^(?:CERT_|CRL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|ERR_TLS_CERT_)/;

const reasonOf = (cause: unknown, { hostname, port }: HttpTarget): SourceReason => {
  const code = systemCode(cause);
  const where = hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
  if (code === "ECONNREFUSED") return { _tag: "Refused", where };
  if (code === "ENOTFOUND" || code.startsWith("EAI_")) return { _tag: "UnknownHost", host: hostname };
  if (CERTIFICATE.test(code)) return { _tag: "Untrusted", host: hostname, why: code };
  if (code === "EPROTO" || code.startsWith("ERR_SSL_")) return { _tag: "NoTls", where };
  if (code.startsWith("HPE_")) return { _tag: "NoHttp", where };
  if (["ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH"].includes(code))
    return { _tag: "Unreachable", where, why: "no way there" };
  if (code === "ECONNRESET" || code === "EPIPE") return { _tag: "Unreachable", where, why: "the server hung up" };
  return { _tag: "Unreachable", where, why: cause instanceof Error ? cause.message : String(cause) };
};

/** What one request brought. */
interface Reply {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: Uint8Array;
}

/** One GET, its answer read up to `MAX_LENGTH`. Interrupting it destroys the socket. */
const get = (target: HttpTarget): Effect.Effect<Reply, SourceReason> =>
  Effect.callback((resume) => {
    const { auth, hostname, path, port, secure } = target;
    const failed = (cause: unknown) => resume(Effect.fail(reasonOf(cause, target)));
    const options = { hostname, port, path, headers: HEADERS, agent: false, ...(auth !== undefined && { auth }) };
    const request = clientOf(secure).request(options, (response: IncomingMessage) => {
      const chunks: Array<Uint8Array> = [];
      let length = 0;
      response.on("data", (chunk: Uint8Array) => {
        length += chunk.length;
        if (length <= MAX_LENGTH) return chunks.push(chunk);
        resume(Effect.fail({ _tag: "TooLarge", limit: MAX_LENGTH }));
        return response.destroy();
      });
      response.on("error", failed);
      response.once("end", () => {
        const { headers, statusCode = 0 } = response;
        resume(Effect.succeed({ status: statusCode, location: headers.location, body: Buffer.concat(chunks) }));
      });
    });
    request.on("error", failed);
    request.end();
    return Effect.sync(() => request.destroy());
  });

/** Unpacks a body that is gzip, told by its magic bytes: no .torrent begins with them. */
const unpacked = (body: Uint8Array): Effect.Effect<Uint8Array, SourceReason> =>
  body[0] !== 0x1f || body[1] !== 0x8b
    ? Effect.succeed(body)
    : Effect.callback((resume) =>
        process.getBuiltinModule("node:zlib").gunzip(body, { maxOutputLength: MAX_LENGTH }, (cause, bytes) => {
          if (cause === null) return resume(Effect.succeed(bytes));
          const isTooLarge = systemCode(cause) === "ERR_BUFFER_TOO_LARGE";
          resume(
            Effect.fail(
              isTooLarge ? { _tag: "TooLarge", limit: MAX_LENGTH } : { _tag: "Unreadable", why: "its gzip is damaged" },
            ),
          );
        }),
      );

const follow = Effect.fnUntraced(function* (
  url: string,
  redirects: number,
): Effect.fn.Return<Uint8Array, SourceReason> {
  const target = httpTarget(url);
  if (target === undefined) return yield* Effect.fail<SourceReason>({ _tag: "BadUrl" });
  const { body, location, status } = yield* get(target);
  if (status === 200) return yield* unpacked(body);
  const next = REDIRECTS.has(status) && location !== undefined ? redirectUrl(url, location) : undefined;
  if (next === undefined || redirects === 0) return yield* Effect.fail<SourceReason>({ _tag: "HttpStatus", status });
  return yield* follow(next, redirects - 1);
});

/** The bytes at `url`, at most those of a .torrent. */
export const fetchBytes = (url: string): Effect.Effect<Uint8Array, SourceReason> =>
  Effect.timeoutOrElse(follow(url, MAX_REDIRECTS), {
    duration: `${TIMEOUT_SECONDS} seconds`,
    orElse: () => Effect.fail<SourceReason>({ _tag: "TimedOut", seconds: TIMEOUT_SECONDS }),
  });
