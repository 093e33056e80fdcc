/**
 * The live `WebSeed`, with connections that are kept for the next request. Redirects are followed, and remembered by URL.
 *
 * State: the kept connections, closed with the layer, and where URLs led, bounded.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { WebSeedError, type WebSeedReason } from "../../schema/errors/WebSeedError.ts";
import { parseContentRange, retryAfter, shownUrl } from "../../schema/webSeed.ts";
import * as Agents from "../http/agents.ts";
import { follow, type HttpHead, type HttpReason, type Receive, type Way, wayTo } from "../http/client.ts";
import { systemCode } from "../systemCode.ts";
import { inWords } from "../Transport/errno.ts";
import { type WebRequest, WebSeed } from "./WebSeed.ts";

/** URLs whose redirects are remembered; the oldest are forgotten. */
const MAX_REMEMBERED = 1_024;
/** Bytes of a refusal that are read for what it says. */
const MAX_REFUSAL = 1_024;
/** A seed from which nothing comes for this long has failed, in milliseconds. */
const SILENCE = 20_000;

const reasonOf = (reason: HttpReason): WebSeedReason => {
  switch (reason._tag) {
    case "BadUrl":
      return { _tag: "Malformed", why: "its URL is not valid" };
    case "NoHttp":
      return { _tag: "Malformed", why: "it is no HTTP" };
    case "TimedOut":
      return { _tag: "TimedOut" };
    case "Unreachable":
      return systemCode(reason.cause) === "ETIMEDOUT"
        ? { _tag: "TimedOut" }
        : { _tag: "Unreachable", cause: inWords(reason.cause) };
    case "BadRedirect":
    case "UnknownHost":
      return reason;
  }
};

/** What is wrong with the head of an answer; nothing when its body is what was asked for. */
const wrongHead = ({ headers, status }: HttpHead, { length, part }: WebRequest): WebSeedReason | undefined => {
  if (status === 404 || status === 410) return { _tag: "Missing", why: `HTTP status ${status}` };
  if (status === 416) return { _tag: "Missing", why: "it is shorter there" };
  if (status !== 200 && status !== 206) return { _tag: "HttpStatus", status };
  const encoding = headers["content-encoding"] ?? "identity";
  if (encoding !== "identity") return { _tag: "Malformed", why: `it is packed (${encoding.slice(0, 20)})` };
  const said = headers["content-length"];
  if (part === undefined) {
    return said === undefined || Number(said) === length
      ? undefined
      : { _tag: "Malformed", why: `it has ${said} bytes, not ${length}` };
  }
  if (status === 200) {
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

/** A seed that asks us to wait: what it says about how long. */
interface Busy {
  readonly header: string | undefined;
  readonly body: string;
}

const errorOf = ({ url }: WebRequest, reason: WebSeedReason): WebSeedError =>
  new WebSeedError({ url: shownUrl(url) ?? "web seed", reason });

/** Takes what was asked for and nothing else; gives nothing once it is there, or as much of it as is of use. */
const receiving =
  (wanted: WebRequest): Receive<Busy | undefined, WebSeedError> =>
  (head) => {
    if (head.status === 503 || head.status === 429) {
      let body = "";
      const busy = Effect.sync(() => ({ header: head.headers["retry-after"], body }));
      return {
        onBytes: (bytes) => {
          body += Buffer.from(bytes).toString("latin1");
          return body.length > MAX_REFUSAL ? busy : undefined;
        },
        onEnd: () => busy,
      };
    }
    const wrong = wrongHead(head, wanted);
    if (wrong !== undefined) return Effect.fail(errorOf(wanted, wrong));
    const malformed = (why: string) => Effect.fail(errorOf(wanted, { _tag: "Malformed", why }));
    let left = wanted.length;
    return {
      onBytes: (bytes) => {
        left -= bytes.length;
        if (left < 0) return malformed("it is longer than it should be");
        return wanted.onBytes(bytes) || left === 0 ? undefined : Effect.undefined;
      },
      onEnd: () => (left > 0 ? malformed("it is shorter than it should be") : Effect.undefined),
    };
  };

/** Where URLs led when they were last asked for. */
const makeMemory = () => {
  const led = new Map<string, Way>();
  return {
    wayTo: (url: string): Way => led.get(url) ?? wayTo(url),
    remember: (url: string, way: Way): void => {
      led.delete(url);
      if (way.url === url) return;
      led.set(url, way);
      for (const oldest of led.keys()) {
        if (led.size <= MAX_REMEMBERED) break;
        led.delete(oldest);
      }
    },
    forget: (url: string): void => void led.delete(url),
  };
};

/** The real web. */
export const layer: Layer.Layer<WebSeed> = Layer.effect(
  WebSeed,
  Effect.gen(function* () {
    const agents = yield* Agents.kept;
    const memory = makeMemory();

    const fetch = Effect.fnUntraced(function* (wanted: WebRequest) {
      const { length, part, url } = wanted;
      const range = part && { range: `bytes=${part.from}-${part.from + length - 1}` };
      const request = { agents, silence: SILENCE, headers: { "accept-encoding": "identity", ...range } };
      const [busy, way] = yield* Effect.mapError(follow(memory.wayTo(url), request, receiving(wanted)), (error) =>
        error._tag === "WebSeedError" ? error : errorOf(wanted, reasonOf(error)),
      );
      if (busy === undefined) return memory.remember(url, way);
      const seconds = retryAfter(busy.header, busy.body, yield* Clock.currentTimeMillis);
      return yield* errorOf(wanted, { _tag: "Busy", seconds });
    });

    return WebSeed.of({
      fetch: (wanted) => Effect.tapError(fetch(wanted), () => Effect.sync(() => memory.forget(wanted.url))),
    });
  }),
);
