/**
 * Announces and scrapes over HTTP and HTTPS (BEP 3, 7, 48): sockets, redirects, compression and their limits. What is asked and answered is
 * `schema/trackerHttp.ts` and `schema/scrape.ts`. No state; each announce uses connections of its own.
 *
 * It is built on `node:http` because an announce is one GET: an HTTP client with pools would cost tens of milliseconds of start-up.
 */
import type { IncomingMessage, RequestOptions } from "node:http";
import type * as Arr from "effect/Array";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as NetAddress from "effect/net/NetAddress";
import * as Result from "effect/Result";
import type { TrackerReason } from "../../schema/errors/TrackerError.ts";
import { TrackerSettings } from "../../schema/settings.ts";
import type { InfoHash } from "../../schema/infoHash.ts";
import { decodeScrape, NO_COUNTS, type ScrapeCounts, scrapeUrl } from "../../schema/scrape.ts";
import type { AnnounceRequest, AnnounceResponse } from "../../schema/tracker.ts";
import {
  announceUrl,
  decodeAnnounce,
  httpTarget,
  MAX_BODY,
  redirectUrl,
  type HttpTarget,
} from "../../schema/trackerHttp.ts";
import { USER_AGENT } from "../../schema/version.ts";
import type { Proxy } from "../../schema/socks5.ts";
import { clientOf, lookupExcept } from "../httpClient.ts";
import { HttpProxy, proxyAgent } from "../proxied.ts";
import { systemCode } from "../systemCode.ts";
import { firstCounts, joinAnnounces, overFamilies } from "./families.ts";

const HEADERS = { "user-agent": USER_AGENT, "accept-encoding": "gzip", accept: "*/*" };
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** The code of the error by which a redirect to this machine is refused. */
const LOCAL_REDIRECT = "ERR_LOCAL_REDIRECT";

/** What one request brought. */
interface Reply {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: Uint8Array;
  /** It came from this machine or a link-local address. */
  readonly local: boolean;
}

/** Loopback, link-local and unspecified addresses: where no tracker may send us that is not there itself. */
const isLocal = (address: string): boolean => {
  const ip = Result.getOrUndefined(NetAddress.ipFromString(address.replace(/%.*$/, "")));
  if (ip === undefined) return false;
  const canonical = NetAddress.toCanonical(ip);
  return NetAddress.isLoopback(canonical) || NetAddress.isLinkLocal(canonical) || NetAddress.isUnspecified(canonical);
};

const localRedirect = () => Object.assign(new Error("it redirects to this machine"), { code: LOCAL_REDIRECT });

/** Looks names up as usual, but fails for those that lead to this machine. */
const remoteOnly = lookupExcept(isLocal, localRedirect);

const reasonOf = (cause: unknown, hostname: string): TrackerReason => {
  const code = systemCode(cause);
  if (code === "ENOTFOUND" || code.startsWith("EAI_")) return { _tag: "UnknownHost", host: hostname };
  if (code === LOCAL_REDIRECT) return { _tag: "Malformed", why: "it redirects to this machine" };
  if (code.startsWith("HPE_")) return { _tag: "Malformed", why: "it is no HTTP" };
  return { _tag: "Unreachable", cause };
};

/** How a request goes out. */
interface Route {
  /** Only addresses of this family; absent for IP literals. */
  readonly family?: 4 | 6;
  /** Refuse to connect to this machine. */
  readonly remoteOnly: boolean;
  /** Goes through this, which also looks names up. */
  readonly proxy: Proxy | undefined;
}

/** One GET, its answer read up to `MAX_BODY`. Interrupting it destroys the socket. */
const get = (
  target: HttpTarget,
  { proxy, ...route }: Route,
  connectTimeout: Duration.Input,
): Effect.Effect<Reply, TrackerReason> =>
  Effect.suspend(() => {
    let connected = false;
    const exchange = Effect.callback<Reply, TrackerReason>((resume) => {
      const fail = (reason: TrackerReason) => resume(Effect.fail(reason));
      const failed = (cause: unknown) => fail(reasonOf(cause, target.hostname));
      const { hostname, port, path, auth } = target;
      const options: RequestOptions = {
        hostname,
        port,
        path,
        headers: HEADERS,
        agent: proxy === undefined ? false : proxyAgent(proxy, target.secure, {}),
        ...(auth !== undefined && { auth }),
        ...(route.family !== undefined && { family: route.family }),
        ...(route.remoteOnly && { lookup: remoteOnly }),
      };
      const request = clientOf(target.secure).request(options, (response: IncomingMessage) => {
        const chunks: Array<Uint8Array> = [];
        let length = 0;
        response.on("data", (chunk: Uint8Array) => {
          length += chunk.length;
          if (length <= MAX_BODY) return chunks.push(chunk);
          fail({ _tag: "TooLarge", limit: MAX_BODY });
          return response.destroy();
        });
        response.on("error", failed);
        response.once("end", () =>
          resume(
            Effect.succeed({
              status: response.statusCode ?? 0,
              location: response.headers.location,
              body: Buffer.concat(chunks),
              local: isLocal(proxy === undefined ? (response.socket.remoteAddress ?? "") : hostname),
            }),
          ),
        );
      });
      request.on("error", failed);
      request.once("socket", (socket) => {
        // What comes through a proxy is connected already.
        if (!target.secure && !socket.connecting) connected = true;
        socket.once(target.secure ? "secureConnect" : "connect", () => (connected = true));
      });
      request.end();
      return Effect.sync(() => request.destroy());
    });
    const notConnected = Effect.suspend(() =>
      connected ? Effect.never : Effect.fail<TrackerReason>({ _tag: "TimedOut" }),
    );
    return Effect.raceFirst(exchange, Effect.delay(notConnected, connectTimeout));
  });

/** Unpacks a body that is gzip (told by its magic bytes: trackers mislabel it both ways), up to `MAX_BODY`. */
const unpacked = (body: Uint8Array): Effect.Effect<Uint8Array, TrackerReason> =>
  body[0] !== 0x1f || body[1] !== 0x8b
    ? Effect.succeed(body)
    : Effect.callback((resume) =>
        process.getBuiltinModule("node:zlib").gunzip(body, { maxOutputLength: MAX_BODY }, (cause, bytes) => {
          if (cause === null) return resume(Effect.succeed(bytes));
          const tooLarge = systemCode(cause) === "ERR_BUFFER_TOO_LARGE";
          resume(
            Effect.fail(
              tooLarge ? { _tag: "TooLarge", limit: MAX_BODY } : { _tag: "Malformed", why: "its gzip is damaged" },
            ),
          );
        }),
      );

/** Reads a reply; a failure that the tracker worded itself counts for more than the HTTP status around it. */
const read = Effect.fnUntraced(function* <A>(
  { status, body }: Reply,
  decode: (body: Uint8Array) => Result.Result<A, TrackerReason>,
) {
  const ok = status >= 200 && status < 300;
  const answer = yield* Effect.result(Effect.flatMap(unpacked(body), (bytes) => Effect.fromResult(decode(bytes))));
  if (Result.isFailure(answer) && (ok || answer.failure._tag === "Rejected")) return yield* Effect.fail(answer.failure);
  if (Result.isFailure(answer) || !ok) return yield* Effect.fail<TrackerReason>({ _tag: "HttpStatus", status });
  return answer.success;
});

/** How the answers to a question are read, and put together where several families brought one. */
interface Question<A> {
  readonly decode: (body: Uint8Array) => Result.Result<A, TrackerReason>;
  readonly join: (first: A, others: ReadonlyArray<A>) => A;
}

const badUrl = (what: string): TrackerReason => ({ _tag: "Unreachable", cause: new Error(what) });

/** Makes the functions that announce to and scrape one http or https URL, over each address family that its host has. */
export const makeHttp = Effect.gen(function* () {
  const settings = yield* TrackerSettings;
  const proxy = yield* HttpProxy;
  const connectTimeout = Duration.seconds(settings.connectTimeout);

  const follow = Effect.fnUntraced(function* (from: string, family: 4 | 6 | undefined) {
    let url = from;
    let fromHere = false;
    for (let redirects = 0; redirects <= settings.maxRedirects; redirects++) {
      const target = httpTarget(url);
      if (target === undefined) return yield* Effect.fail(badUrl("its URL is not valid"));
      const isRemoteOnly = redirects > 0 && !fromHere;
      if (isRemoteOnly && isLocal(target.hostname))
        return yield* Effect.fail(reasonOf(localRedirect(), target.hostname));
      const literal = NetAddress.isIpAddress(Result.getOrUndefined(NetAddress.ipFromString(target.hostname)));
      const route: Route = { proxy, remoteOnly: isRemoteOnly, ...(!literal && family && { family }) };
      const reply = yield* get(target, route, connectTimeout);
      if (redirects === 0) fromHere = reply.local;
      if (!REDIRECTS.has(reply.status) || reply.location === undefined) return reply;
      const next = redirectUrl(url, reply.location);
      if (next === undefined)
        return yield* Effect.fail<TrackerReason>({ _tag: "Malformed", why: "it redirects to nowhere" });
      url = next;
    }
    return yield* Effect.fail<TrackerReason>({ _tag: "Malformed", why: "it redirects too often" });
  });

  const ask = <A>(full: string, question: Question<A>): Effect.Effect<A, TrackerReason> => {
    const over = (family: 4 | 6 | undefined) =>
      Effect.flatMap(follow(full, family), (reply) => read(reply, question.decode));
    const literal = Result.isSuccess(NetAddress.ipFromString(httpTarget(full)?.hostname ?? ""));
    const families: Arr.NonEmptyReadonlyArray<4 | 6 | undefined> = literal ? [undefined] : [4, 6];
    const [first, ...others] = families;
    return overFamilies([over(first), ...others.map(over)], question.join).pipe(
      Effect.timeoutOrElse({
        duration: Duration.seconds(settings.announceTimeout),
        orElse: () => Effect.fail<TrackerReason>({ _tag: "TimedOut" }),
      }),
    );
  };

  return {
    announce: (url: string, request: AnnounceRequest): Effect.Effect<AnnounceResponse, TrackerReason> =>
      ask(announceUrl(url, request), { decode: decodeAnnounce, join: joinAnnounces }),
    scrape: (url: string, infoHash: InfoHash): Effect.Effect<ScrapeCounts, TrackerReason> => {
      const full = scrapeUrl(url, [infoHash]);
      if (full === undefined) return Effect.fail({ _tag: "NoScrape" });
      return ask(full, {
        decode: (body) => Result.map(decodeScrape(body, [infoHash]), (counts) => counts.get(infoHash.hex) ?? NO_COUNTS),
        join: firstCounts,
      });
    },
  };
});
