/** Fetches a .torrent from a website. Loaded only where a URL is given, since an HTTP client costs start-up. */
import * as Effect from "effect/Effect";
import * as Stream from "effect/Stream";
import * as FetchHttpClient from "effect/http/FetchHttpClient";
import * as HttpClient from "effect/http/HttpClient";
import type { HttpClientError } from "effect/http/HttpClientError";
import { USER_AGENT } from "../schema/version.ts";
import { collect } from "./collect.ts";
import type { SourceReason } from "./SourceError.ts";

/** The whole of a fetch, redirects and body, seconds (protocols §4, HTTP rules). */
const TIMEOUT_SECONDS = 30;
/** Redirects followed (protocols §4, HTTP rules). */
const MAX_REDIRECTS = 5;

/** `fetch` says no more than "fetch failed": what is meant lies in the cause. */
const why = (cause: unknown): string => {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? why(cause.cause) : cause.message || cause.name;
};

const unreachable = (error: HttpClientError): SourceReason => ({ _tag: "Unreachable", why: why(error) });

/** The bytes at `url`, at most those of a .torrent. */
export const fetchBytes = (url: string): Effect.Effect<Uint8Array, SourceReason> =>
  Effect.gen(function* () {
    const client = HttpClient.followRedirects(yield* HttpClient.HttpClient, MAX_REDIRECTS);
    const response = yield* Effect.mapError(client.get(url, { headers: { "user-agent": USER_AGENT } }), unreachable);
    if (response.status !== 200) {
      return yield* Effect.fail<SourceReason>({ _tag: "HttpStatus", status: response.status });
    }
    return yield* collect(Stream.mapError(response.stream, unreachable));
  }).pipe(
    Effect.timeoutOrElse({
      duration: `${TIMEOUT_SECONDS} seconds`,
      orElse: () => Effect.fail<SourceReason>({ _tag: "TimedOut", seconds: TIMEOUT_SECONDS }),
    }),
    Effect.provide(FetchHttpClient.layer),
    Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" }),
  );
