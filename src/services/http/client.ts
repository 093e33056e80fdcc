/**
 * The HTTP client of the live Layers: one GET, or POST, and the redirects that follow, every step bounded. Trackers, web seeds and .torrent links are asked
 * with it; what their answers mean, and what a failure is called there, is their business. A body is read in plain code, once per read.
 *
 * It is built on `node:http`: an HTTP client with pools would cost tens of milliseconds of start-up, and `fetch` refuses ports and passwords that people use
 * at home, and does not say what went wrong. No state; connections are those of `Agents`. Interrupting a request destroys its socket.
 */
import type { IncomingHttpHeaders, IncomingMessage, RequestOptions } from "node:http";
import * as Effect from "effect/Effect";
import { type HttpTarget, httpTarget, redirectUrl } from "../../schema/trackerHttp.ts";
import { USER_AGENT } from "../../schema/version.ts";
import { systemCode } from "../systemCode.ts";
import type { Agents } from "./agents.ts";
import { isTooNear, lookupBeyond, type Reach, reachOf } from "./nearness.ts";
import { clientOf } from "./node.ts";

/** Redirects of one request that are followed. */
const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** TCP and TLS connect within this time, look-up included, in milliseconds. */
const CONNECT_TIMEOUT = 10_000;

/** Why a request brought no answer that could be read. */
export type HttpReason =
  | { readonly _tag: "BadUrl" }
  /** It does not lead to where we will follow: `why` ends the sentence "it redirects …". */
  | { readonly _tag: "BadRedirect"; readonly why: string }
  | { readonly _tag: "UnknownHost"; readonly host: string }
  | { readonly _tag: "Unreachable"; readonly target: HttpTarget; readonly cause: unknown }
  /** What answers there speaks something else. */
  | { readonly _tag: "NoHttp"; readonly target: HttpTarget }
  /** Nothing came within so many milliseconds. */
  | { readonly _tag: "TimedOut"; readonly after: number };

/** The head of an answer. */
export interface HttpHead {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** How far the host reaches that answered. */
  readonly reach: Reach;
  /** Our address towards who answers; empty where the connection is gone already. */
  readonly localAddress: string;
}

/** Takes the body of an answer. A result that comes before its end closes the connection. */
export interface Receiver<A, E> {
  /** The next bytes; they may be kept. */
  readonly onBytes: (bytes: Uint8Array) => Effect.Effect<A, E> | undefined;
  readonly onEnd: () => Effect.Effect<A, E>;
}

/** Decides by the head of an answer how its body is taken, or what becomes of it without. */
export type Receive<A, E> = (head: HttpHead) => Receiver<A, E> | Effect.Effect<A, E>;

/** How a request is made. */
export interface HttpRequest {
  readonly agents: Agents;
  readonly headers?: Readonly<Record<string, string>>;
  /** What is posted; without it the request is a GET. */
  readonly body?: string | undefined;
  /** Only addresses of this family. Hosts that are written as an address have but that one. */
  readonly family?: 4 | 6 | undefined;
  /** Milliseconds until TCP and TLS are connected; 10 s by default. */
  readonly connectTimeout?: number;
  /** Milliseconds in which nothing comes after which a connection has failed; without it a bound on the whole is its user's to set. */
  readonly silence?: number;
}

/** Where a request goes. */
export interface Way {
  readonly url: string;
  /** What reaches less far is not connected to. */
  readonly least: Reach;
}

/** A way that the user, or who knows the user's mind, named: it may lead anywhere. */
export const wayTo = (url: string): Way => ({ url, least: 0 });

const TOO_NEAR: HttpReason = { _tag: "BadRedirect", why: "into a private network" };

const reasonOf = (cause: unknown, target: HttpTarget): HttpReason => {
  const code = systemCode(cause);
  if (code === "ENOTFOUND" || code.startsWith("EAI_")) return { _tag: "UnknownHost", host: target.hostname };
  if (isTooNear(cause)) return TOO_NEAR;
  if (code.startsWith("HPE_")) return { _tag: "NoHttp", target };
  return { _tag: "Unreachable", target, cause };
};

const headOf = (response: IncomingMessage, target: HttpTarget, { proxy }: Agents): HttpHead => {
  const { headers, socket, statusCode: status = 0 } = response;
  // A proxy looks names up where we cannot see: they count as public.
  const reach = reachOf(proxy === undefined ? (socket.remoteAddress ?? "") : target.hostname) ?? 3;
  return { status, headers, reach, localAddress: socket.localAddress ?? "" };
};

const optionsOf = (target: HttpTarget, least: Reach, request: HttpRequest): RequestOptions => {
  const { auth, hostname, path, port, secure } = target;
  return {
    hostname,
    port,
    path,
    method: request.body === undefined ? "GET" : "POST",
    headers: { "user-agent": USER_AGENT, ...request.headers },
    agent: request.agents.for(secure, least),
    ...(auth !== undefined && { auth }),
    ...(request.family !== undefined && reachOf(hostname) === undefined && { family: request.family }),
    ...(least > 0 && { lookup: lookupBeyond(least) }),
  };
};

/** One request and its answer, of which a redirect is one like any other. */
export const exchange = <A, E>(
  { least, url }: Way,
  request: HttpRequest,
  receive: Receive<A, E>,
): Effect.Effect<A, E | HttpReason> =>
  Effect.suspend(() => {
    const target = httpTarget(url);
    if (target === undefined) return Effect.fail<HttpReason>({ _tag: "BadUrl" });
    if ((reachOf(target.hostname) ?? 3) < least) return Effect.fail(TOO_NEAR);
    const { connectTimeout = CONNECT_TIMEOUT, silence } = request;
    let isConnected = false;
    const answer = Effect.callback<A, E | HttpReason>((resume) => {
      let isOver = false;
      const end = (exit: Effect.Effect<A, E | HttpReason>): void => {
        if (isOver) return;
        isOver = true;
        resume(exit);
        sent.destroy();
      };
      const failed = (cause: unknown): void => end(Effect.fail(reasonOf(cause, target)));
      const sent = clientOf(target.secure).request(optionsOf(target, least, request), (response) => {
        response.on("error", failed);
        const receiver = receive(headOf(response, target, request.agents));
        if (Effect.isEffect(receiver)) return end(receiver);
        response.on("data", (chunk: Uint8Array) => {
          const result = isOver ? undefined : receiver.onBytes(chunk);
          if (result !== undefined) end(result);
        });
        response.once("end", () => {
          if (isOver) return;
          isOver = true;
          // Not before the connection is free again: the next request shall have it.
          setImmediate(() => resume(receiver.onEnd()));
        });
      });
      sent.on("error", failed);
      sent.once("socket", (socket) => {
        // One that is kept, or comes through a proxy, is connected already.
        if (sent.reusedSocket || (!target.secure && !socket.connecting)) isConnected = true;
        else socket.once(target.secure ? "secureConnect" : "connect", () => (isConnected = true));
      });
      if (silence !== undefined) sent.setTimeout(silence, () => end(Effect.fail({ _tag: "TimedOut", after: silence })));
      sent.end(request.body);
      return Effect.sync(() => {
        isOver = true;
        sent.destroy();
      });
    });
    const notConnected = Effect.suspend(() =>
      isConnected ? Effect.never : Effect.fail<HttpReason>({ _tag: "TimedOut", after: connectTimeout }),
    );
    return Effect.raceFirst(answer, Effect.delay(notConnected, connectTimeout));
  });

/** An answer that is a redirect. */
class Redirect {
  readonly location: string;
  readonly from: Reach;
  constructor(location: string, from: Reach) {
    this.location = location;
    this.from = from;
  }
}

const redirectOf = ({ headers, reach, status }: HttpHead): Effect.Effect<Redirect> | undefined =>
  REDIRECTS.has(status) && headers.location !== undefined
    ? Effect.succeed(new Redirect(headers.location, reach))
    : undefined;

/** A request and the redirects that it leads to, at most five; gives the way that led to the answer, too. */
export const follow = Effect.fnUntraced(function* <A, E>(
  from: Way,
  request: HttpRequest,
  receive: Receive<A, E>,
): Effect.fn.Return<readonly [answer: A, way: Way], E | HttpReason> {
  let way = from;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const answer = yield* exchange<A | Redirect, E>(way, request, (head) => redirectOf(head) ?? receive(head));
    if (!(answer instanceof Redirect)) return [answer, way];
    const url = redirectUrl(way.url, answer.location);
    if (url === undefined) return yield* Effect.fail<HttpReason>({ _tag: "BadRedirect", why: "to nowhere" });
    way = { url, least: answer.from > way.least ? answer.from : way.least };
  }
  return yield* Effect.fail<HttpReason>({ _tag: "BadRedirect", why: "too often" });
});
