/** The live `Tracker`: HTTP, HTTPS and UDP by the URL's scheme; other kinds are refused as unsupported. */
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type * as Dns from "effect/net/Dns";
import { TrackerError, type TrackerReason } from "../../schema/errors/TrackerError.ts";
import type { AnnounceRequest, AnnounceResponse } from "../../schema/tracker.ts";
import type { Datagrams } from "../Datagrams/Datagrams.ts";
import { makeHttp } from "./http.ts";
import { Tracker } from "./Tracker.ts";
import { makeUdp } from "./udp.ts";

type Announce = (url: string, request: AnnounceRequest) => Effect.Effect<AnnounceResponse, TrackerReason>;

/** Real trackers. UDP goes through the shared port; names of UDP trackers through `Dns`. */
export const layer: Layer.Layer<Tracker, never, Datagrams | Dns.Dns> = Layer.effect(
  Tracker,
  Effect.gen(function* () {
    const http = yield* makeHttp;
    const kinds: ReadonlyMap<string, Announce> = new Map([
      ["http", http],
      ["https", http],
      ["udp", yield* makeUdp],
    ]);
    return Tracker.of({
      announce: (url, request) => {
        const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase() ?? "";
        const announce = kinds.get(scheme);
        const answer =
          announce === undefined
            ? Effect.fail<TrackerReason>({ _tag: "Unsupported", scheme: scheme || "unknown" })
            : announce(url, request);
        return Effect.mapError(answer, (reason) => new TrackerError({ url, reason }));
      },
    });
  }),
);
