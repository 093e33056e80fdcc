/** The live `Tracker`: HTTP, HTTPS and UDP by the URL's scheme; other kinds are refused as unsupported. */
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type * as Dns from "effect/net/Dns";
import { TrackerError, type TrackerReason } from "../../schema/errors/TrackerError.ts";
import type { InfoHash } from "../../schema/infoHash.ts";
import type { ScrapeCounts } from "../../schema/scrape.ts";
import type { AnnounceRequest, AnnounceResponse } from "../../schema/tracker.ts";
import type { Datagrams } from "../Datagrams/Datagrams.ts";
import { makeHttp } from "./http.ts";
import { Tracker } from "./Tracker.ts";
import { makeUdp } from "./udp.ts";

/** What a tracker of one kind can be asked. */
interface Kind {
  readonly announce: (url: string, request: AnnounceRequest) => Effect.Effect<AnnounceResponse, TrackerReason>;
  readonly scrape: (url: string, infoHash: InfoHash) => Effect.Effect<ScrapeCounts, TrackerReason>;
}

/** Real trackers. UDP goes through the shared port; names of UDP trackers through `Dns`. */
export const layer: Layer.Layer<Tracker, never, Datagrams | Dns.Dns> = Layer.effect(
  Tracker,
  Effect.gen(function* () {
    const http = yield* makeHttp;
    const kinds: ReadonlyMap<string, Kind> = new Map([
      ["http", http],
      ["https", http],
      ["udp", yield* makeUdp],
    ]);
    const ask = <A>(
      url: string,
      question: (kind: Kind) => Effect.Effect<A, TrackerReason>,
    ): Effect.Effect<A, TrackerError> => {
      const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase() ?? "";
      const kind = kinds.get(scheme);
      const answer =
        kind === undefined
          ? Effect.fail<TrackerReason>({ _tag: "Unsupported", scheme: scheme || "unknown" })
          : question(kind);
      return Effect.mapError(answer, (reason) => new TrackerError({ url, reason }));
    };
    return Tracker.of({
      announce: (url, request) => ask(url, (kind) => kind.announce(url, request)),
      scrape: (url, infoHash) => ask(url, (kind) => kind.scrape(url, infoHash)),
    });
  }),
);
