/**
 * What one download has of local discovery: a source of candidates nearby (BEP 14). A private torrent has nothing of it (BEP 27), from the moment that it is
 * known to be private.
 */
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Stream from "effect/Stream";
import { LocalDiscovery } from "../services/LocalDiscovery.ts";
import type { Candidates } from "./candidates.ts";
import type { Names } from "./names.ts";
import type { DownloadRequest } from "./request.ts";

/** A download that others serve at once never joins a group. In milliseconds. */
const HEAD_START = 500;

/** The local discovery of one download. */
export interface LocalPeers {
  /** Whether there is anybody to hear by it. */
  readonly isUsed: () => boolean;
  /** The torrent turned out to be private: it is spoken of no more, what was found is forgotten. */
  readonly forbid: () => void;
  /** Feeds the candidates; never ends. */
  readonly search: (options: {
    readonly names: Pick<Names, "each">;
    /** Where peers reach us by TCP. */
    readonly port: number | undefined;
    readonly candidates: Candidates;
    /** There are others to ask. */
    readonly others: boolean;
  }) => Effect.Effect<never>;
}

/** Local discovery as far as the request and the torrent allow it. */
export const makeLocalPeers = Effect.fnUntraced(function* (
  request: Pick<DownloadRequest, "noLsd">,
  isPrivate: boolean,
): Effect.fn.Return<LocalPeers, never, LocalDiscovery> {
  const discovery = yield* LocalDiscovery;
  const forbidden = Deferred.makeUnsafe<void>();
  let used = !isPrivate && !request.noLsd && discovery.available;
  return {
    isUsed: () => used,
    forbid: () => {
      used = false;
      Deferred.doneUnsafe(forbidden, Effect.void);
    },
    search: ({ candidates, names, others, port }) => {
      if (!used) return Effect.never;
      const found = names.each.pipe(
        Stream.flatMap((name) => discovery.peers(name, port), { concurrency: "unbounded" }),
        Stream.map((address) => ({ address, source: "lsd" as const })),
        candidates.addAll,
      );
      return Effect.sleep(others ? HEAD_START : 0).pipe(
        Effect.andThen(found),
        Effect.raceFirst(Deferred.await(forbidden)),
        Effect.andThen(Effect.never),
      );
    },
  };
});
