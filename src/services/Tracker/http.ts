/**
 * Announces and scrapes over HTTP and HTTPS (BEP 3, 7, 48), over each address family that a host has. What is asked and answered is
 * `schema/trackerHttp.ts` and `schema/scrape.ts`. No state; each announce uses connections of its own.
 */
import type * as Arr from "effect/Array";
import * as Effect from "effect/Effect";
import * as NetAddress from "effect/net/NetAddress";
import * as Result from "effect/Result";
import type { TrackerReason } from "../../schema/errors/TrackerError.ts";
import { TrackerSettings } from "../../schema/settings.ts";
import type { InfoHash } from "../../schema/infoHash.ts";
import { decodeScrape, NO_COUNTS, type ScrapeCounts, scrapeUrl } from "../../schema/scrape.ts";
import type { AnnounceRequest, AnnounceResponse } from "../../schema/tracker.ts";
import { announceUrl, decodeAnnounce, httpTarget, MAX_BODY } from "../../schema/trackerHttp.ts";
import * as Agents from "../http/agents.ts";
import { systemCode } from "../systemCode.ts";
import { inWords } from "../Transport/errno.ts";
import { follow, type HttpReason, wayTo } from "../http/client.ts";
import { ACCEPT, type BadGzip, type Reply, type TooLarge, unpacked, whole } from "../http/whole.ts";
import { firstCounts, joinAnnounces, overFamilies } from "./families.ts";

const reasonOf = (reason: HttpReason | TooLarge | BadGzip): TrackerReason => {
  switch (reason._tag) {
    case "BadUrl":
      return { _tag: "Unreachable", cause: new Error("its URL is not valid") };
    case "BadRedirect":
      return { _tag: "Malformed", why: `it redirects ${reason.why}` };
    case "BadGzip":
      return { _tag: "Malformed", why: "its gzip is damaged" };
    case "NoHttp":
      return { _tag: "Malformed", why: "it is no HTTP" };
    case "TimedOut":
      return { _tag: "TimedOut" };
    case "Unreachable":
      return systemCode(reason.cause) === "ETIMEDOUT"
        ? { _tag: "TimedOut" }
        : { _tag: "Unreachable", cause: inWords(reason.cause) };
    case "TooLarge":
    case "UnknownHost":
      return reason;
  }
};

/** Reads a reply; a failure that the tracker worded itself counts for more than the HTTP status around it. */
const read = Effect.fnUntraced(function* <A>(
  { status, body }: Reply,
  decode: (body: Uint8Array) => Result.Result<A, TrackerReason>,
) {
  const ok = status >= 200 && status < 300;
  const bytes = Effect.mapError(unpacked(body, MAX_BODY), reasonOf);
  const answer = yield* Effect.result(Effect.flatMap(bytes, (unpacked) => Effect.fromResult(decode(unpacked))));
  if (Result.isFailure(answer) && (ok || answer.failure._tag === "Rejected")) return yield* Effect.fail(answer.failure);
  if (Result.isFailure(answer) || !ok) return yield* Effect.fail<TrackerReason>({ _tag: "HttpStatus", status });
  return answer.success;
});

/** How the answers to a question are read, and put together where several families brought one. */
interface Question<A> {
  readonly decode: (body: Uint8Array) => Result.Result<A, TrackerReason>;
  readonly join: (first: A, others: ReadonlyArray<A>) => A;
}

/** Makes the functions that announce to and scrape one http or https URL, over each address family that its host has. */
export const makeHttp = Effect.gen(function* () {
  const settings = yield* TrackerSettings;
  const agents = yield* Agents.single;
  const connectTimeout = settings.connectTimeout * 1000;

  const ask = <A>(full: string, question: Question<A>): Effect.Effect<A, TrackerReason> => {
    const over = (family: 4 | 6 | undefined) =>
      follow(wayTo(full), { agents, family, connectTimeout, headers: ACCEPT }, whole(MAX_BODY)).pipe(
        Effect.mapError(reasonOf),
        Effect.flatMap(([reply]) => read(reply, question.decode)),
      );
    const literal = Result.isSuccess(NetAddress.ipFromString(httpTarget(full)?.hostname ?? ""));
    const families: Arr.NonEmptyReadonlyArray<4 | 6 | undefined> = literal ? [undefined] : [4, 6];
    const [first, ...others] = families;
    return overFamilies([over(first), ...others.map(over)], question.join).pipe(
      Effect.timeoutOrElse({
        duration: settings.announceTimeout * 1000,
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
