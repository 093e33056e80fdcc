/**
 * The live `WebSeed`, over `node:http` and `node:https` with connections that are kept for the next request. Redirects are followed, remembered by URL,
 * and never lead from a public host into a private network.
 *
 * State: the kept connections and where URLs led, bounded; closed with the layer.
 */
import type { Agent, IncomingMessage, RequestOptions } from "node:http";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as NetAddress from "effect/net/NetAddress";
import * as Result from "effect/Result";
import { WebSeedError, type WebSeedReason } from "../../schema/errors/WebSeedError.ts";
import { reach } from "../../schema/reach.ts";
import { httpTarget, redirectUrl } from "../../schema/trackerHttp.ts";
import { USER_AGENT } from "../../schema/version.ts";
import { parseContentRange, retryAfter, shownUrl } from "../../schema/webSeed.ts";
import { clientOf, lookupExcept } from "../httpClient.ts";
import { HttpProxy, proxyAgent } from "../proxied.ts";
import { systemCode } from "../systemCode.ts";
import { type WebRequest, WebSeed } from "./WebSeed.ts";

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Redirects of one request that are followed. */
const MAX_REDIRECTS = 5;
/** URLs whose redirects are remembered; the oldest are forgotten. */
const MAX_REMEMBERED = 1_024;
/** Bytes of a refusal that are read for what it says. */
const MAX_REFUSAL = 1_024;
/** A seed from which nothing comes for this long has failed, in milliseconds. */
const SILENCE = 20_000;
/** A connection that nobody uses is kept for this long, in milliseconds. */
const KEPT = 30_000;

const PRIVATE_REDIRECT = "ERR_PRIVATE_REDIRECT";
const SILENT = "ERR_SILENT";

const failure = (code: string): NodeJS.ErrnoException => Object.assign(new Error(code), { code });

/** Whether an address, or a host that is one, is on this machine or in a private network. */
const isPrivate = (host: string): boolean => {
  const ip = Result.getOrUndefined(NetAddress.ipFromString(host.replace(/%.*$/, "")));
  if (ip === undefined) return false;
  const canonical = NetAddress.toCanonical(ip);
  return reach(canonical) < 3 || NetAddress.isUnspecified(canonical);
};

const publicOnly = lookupExcept(isPrivate, () => failure(PRIVATE_REDIRECT));

const reasonOf = (cause: unknown, host: string): WebSeedReason => {
  const code = systemCode(cause);
  if (code === "ENOTFOUND" || code.startsWith("EAI_")) return { _tag: "UnknownHost", host };
  if (code === PRIVATE_REDIRECT) return { _tag: "BadRedirect", why: "into a private network" };
  if (code === SILENT || code === "ETIMEDOUT") return { _tag: "TimedOut" };
  if (code.startsWith("HPE_")) return { _tag: "Malformed", why: "it is no HTTP" };
  return { _tag: "Unreachable", cause };
};

/** What is wrong with the head of an answer; nothing when its body is what was asked for. */
const wrongHead = (
  { headers, statusCode = 0 }: IncomingMessage,
  { length, part }: WebRequest,
): WebSeedReason | undefined => {
  if (statusCode === 404 || statusCode === 410) return { _tag: "Missing", why: `HTTP status ${statusCode}` };
  if (statusCode === 416) return { _tag: "Missing", why: "it is shorter there" };
  if (statusCode !== 200 && statusCode !== 206) return { _tag: "HttpStatus", status: statusCode };
  const encoding = headers["content-encoding"] ?? "identity";
  if (encoding !== "identity") return { _tag: "Malformed", why: `it is packed (${encoding.slice(0, 20)})` };
  const said = headers["content-length"];
  if (part === undefined) {
    return said === undefined || Number(said) === length
      ? undefined
      : { _tag: "Malformed", why: `it has ${said} bytes, not ${length}` };
  }
  if (statusCode === 200) {
    if (length !== part.total) return { _tag: "NoRanges" };
    return said === undefined || Number(said) === length
      ? undefined
      : { _tag: "Missing", why: `it has ${said} bytes there, not ${part.total}` };
  }
  const range = parseContentRange(headers["content-range"] ?? "");
  if (range === undefined) return { _tag: "Malformed", why: "it does not say which part it is" };
  if (range.total !== undefined && range.total !== part.total)
    return { _tag: "Missing", why: `it has ${range.total} bytes there, not ${part.total}` };
  return range.from === part.from && range.to === part.from + length
    ? undefined
    : { _tag: "Malformed", why: "it is another part" };
};

/** How a request ended that did not fail. */
type Ended =
  | { readonly _tag: "Done" }
  | { readonly _tag: "Redirect"; readonly location: string; readonly wasPrivate: boolean }
  | { readonly _tag: "Busy"; readonly header: string | undefined; readonly body: string };

/** Where a request goes. */
interface Way {
  readonly url: string;
  /** It was redirected by a public host: not into private networks. */
  readonly isPublicOnly: boolean;
}

/** The real web. */
export const layer: Layer.Layer<WebSeed> = Layer.effect(
  WebSeed,
  Effect.gen(function* () {
    const proxy = yield* HttpProxy;
    const agents = new Map<string, Agent>();
    /** Where URLs led when they were last asked for. */
    const led = new Map<string, Way>();
    yield* Effect.addFinalizer(() => Effect.sync(() => agents.forEach((agent) => agent.destroy())));

    /** Those that may not reach private networks have connections of their own, lest they get one that was opened without that care. */
    const agentFor = (secure: boolean, isPublicOnly: boolean): Agent => {
      const key = `${secure} ${isPublicOnly}`;
      const kept = agents.get(key);
      if (kept !== undefined) return kept;
      const options = { keepAlive: true, keepAliveMsecs: KEPT, ...(isPublicOnly && { lookup: publicOnly }) };
      const made = proxy === undefined ? new (clientOf(secure).Agent)(options) : proxyAgent(proxy, secure, options);
      agents.set(key, made);
      return made;
    };

    const ask = (url: string, wanted: WebRequest, isPublicOnly: boolean): Effect.Effect<Ended, WebSeedReason> =>
      Effect.callback((resume) => {
        const target = httpTarget(url);
        if (target === undefined) return resume(Effect.fail({ _tag: "Malformed", why: "its URL is not valid" }));
        const { auth, hostname, path, port, secure } = target;
        if (isPublicOnly && isPrivate(hostname)) return resume(Effect.fail(reasonOf(failure(PRIVATE_REDIRECT), "")));
        const { length, part } = wanted;
        const options: RequestOptions = {
          hostname,
          port,
          path,
          agent: agentFor(secure, isPublicOnly),
          headers: {
            "user-agent": USER_AGENT,
            "accept-encoding": "identity",
            ...(part !== undefined && { range: `bytes=${part.from}-${part.from + length - 1}` }),
          },
          ...(auth !== undefined && { auth }),
        };
        let isOver = false;
        const end = (exit: Effect.Effect<Ended, WebSeedReason>): void => {
          isOver = true;
          resume(exit);
        };
        const fail = (reason: WebSeedReason) => {
          end(Effect.fail(reason));
          request.destroy();
        };
        const body = (response: IncomingMessage): void => {
          const wrong = wrongHead(response, wanted);
          if (wrong !== undefined) return fail(wrong);
          let left = length;
          response.on("data", (chunk: Uint8Array) => {
            if (isOver) return undefined;
            left -= chunk.length;
            if (left < 0) return fail({ _tag: "Malformed", why: "it is longer than it should be" });
            if (wanted.onBytes(chunk) || left === 0) return undefined;
            end(Effect.succeed({ _tag: "Done" }));
            return request.destroy();
          });
          response.once("end", () => {
            if (left > 0) return fail({ _tag: "Malformed", why: "it is shorter than it should be" });
            // Not before the connection is free again: the next request shall have it.
            return void setImmediate(() => end(Effect.succeed({ _tag: "Done" })));
          });
        };
        const refusal = (response: IncomingMessage): void => {
          let text = "";
          response.on("data", (chunk: Uint8Array) => {
            text += Buffer.from(chunk).toString("latin1");
            if (text.length > MAX_REFUSAL) response.destroy();
          });
          response.once("close", () =>
            resume(Effect.succeed({ _tag: "Busy", header: response.headers["retry-after"], body: text })),
          );
        };
        const request = clientOf(secure).request(options, (response) => {
          const status = response.statusCode ?? 0;
          response.on("error", (cause) => fail(reasonOf(cause, hostname)));
          const { location } = response.headers;
          if (REDIRECTS.has(status) && location !== undefined) {
            const wasPrivate = isPrivate(proxy === undefined ? (response.socket.remoteAddress ?? "") : hostname);
            end(Effect.succeed({ _tag: "Redirect", location, wasPrivate }));
            return void request.destroy();
          }
          return status === 503 || status === 429 ? refusal(response) : body(response);
        });
        request.setTimeout(SILENCE, () => request.destroy(failure(SILENT)));
        request.on("error", (cause) => fail(reasonOf(cause, hostname)));
        request.end();
        return Effect.sync(() => {
          isOver = true;
          request.destroy();
        });
      });

    const remember = (from: string, to: Way): void => {
      led.delete(from);
      led.set(from, to);
      for (const oldest of led.keys()) {
        if (led.size <= MAX_REMEMBERED) break;
        led.delete(oldest);
      }
    };

    const follow = Effect.fnUntraced(function* (wanted: WebRequest) {
      let { isPublicOnly, url } = led.get(wanted.url) ?? { url: wanted.url, isPublicOnly: false };
      for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
        const ended = yield* ask(url, wanted, isPublicOnly);
        if (ended._tag === "Busy") {
          const seconds = retryAfter(ended.header, ended.body, yield* Clock.currentTimeMillis);
          return yield* Effect.fail<WebSeedReason>({ _tag: "Busy", seconds });
        }
        if (ended._tag === "Done") {
          if (url !== wanted.url) remember(wanted.url, { url, isPublicOnly });
          return;
        }
        const next = redirectUrl(url, ended.location);
        if (next === undefined) return yield* Effect.fail<WebSeedReason>({ _tag: "BadRedirect", why: "to nowhere" });
        isPublicOnly = isPublicOnly || !ended.wasPrivate;
        url = next;
      }
      return yield* Effect.fail<WebSeedReason>({ _tag: "BadRedirect", why: "too often" });
    });

    return WebSeed.of({
      fetch: (request) =>
        follow(request).pipe(
          Effect.tapError(() => Effect.sync(() => led.delete(request.url))),
          Effect.mapError((reason) => new WebSeedError({ url: shownUrl(request.url) ?? "web seed", reason })),
        ),
    });
  }),
);
