/**
 * Web seeds beside peers: a source of the same full runs, from the same assembler, so that checking, blame and end-game are one (BEP 17, 19). Private
 * torrents may use them: the torrent itself names them.
 *
 * Life cycle: begins when the metadata is there, ends with the pipeline; a seed that sends wrong bytes is asked no more.
 */
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Queue from "effect/Queue";
import * as Stream from "effect/Stream";
import type { Blame } from "../../schema/blame.ts";
import { makeFileUrls, shownUrl } from "../../schema/webSeed.ts";
import type { Bandwidth } from "../../services/Bandwidth.ts";
import { Events } from "../../services/Events.ts";
import { WebSeed } from "../../services/WebSeed/WebSeed.ts";
import type { Filled } from "../assembler/assembler.ts";
import type { DownloadRequest } from "../request.ts";
import { Swarm } from "../Swarm.ts";
import { connect, type ConnectionContext } from "./connection.ts";
import { makeSeed, type Seed, type SeedUrl } from "./seed.ts";

/** Seeds of one torrent that are used; a torrent may name a thousand. */
const MAX_SEEDS = 16;
/** Connections to one seed, as in libtorrent. */
const MAX_CONNECTIONS = 3;

/** The web seeds of one download. */
export interface WebSeeds {
  /** How many there are. */
  readonly count: number;
  /** Those that are being asked, in words. */
  readonly asked: () => ReadonlyArray<string>;
  /** Hears by what the record of blame convicts which seeds are to be asked no more; each is convicted once. */
  readonly judged: (blame: Blame) => Blame;
  /** What the seeds fill, merged with what the peers do. */
  readonly beside: <E, R>(
    peers: Stream.Stream<Filled, E, R>,
  ) => Stream.Stream<Filled, E, R | Swarm | Bandwidth | Events>;
}

const urlsOf = ({ noWebSeeds, source }: Pick<DownloadRequest, "noWebSeeds" | "source">): ReadonlyArray<SeedUrl> => {
  if (noWebSeeds) return [];
  const files = source._tag === "Magnet" ? source.magnet.webSeeds : source.metainfo.webSeeds;
  const pieces = source._tag === "Magnet" ? [] : source.metainfo.httpSeeds;
  const all = [
    ...files.map((url) => ({ url, kind: "files" as const })),
    ...pieces.map((url) => ({ url, kind: "pieces" as const })),
  ];
  const byName = new Map<string, SeedUrl>();
  for (const seed of all) {
    const shown = shownUrl(seed.url);
    if (shown !== undefined && byName.size < MAX_SEEDS && !byName.has(shown)) byName.set(shown, { ...seed, shown });
  }
  return [...byName.values()];
};

/** Fetches from one seed, by one connection until it has given something, then by all. */
const fetchFrom = Effect.fnUntraced(function* (seed: Seed, context: ConnectionContext) {
  const more = Effect.gen(function* () {
    yield* Deferred.await(seed.proven);
    yield* Effect.forEach(Array.from({ length: MAX_CONNECTIONS - 1 }), () => Effect.scoped(connect(seed, context)), {
      concurrency: "unbounded",
      discard: true,
    });
  });
  yield* Effect.all([Effect.scoped(connect(seed, context)), Effect.raceFirst(more, Deferred.await(seed.gone))], {
    concurrency: "unbounded",
    discard: true,
  });
});

/** The web seeds that the torrent or the magnet names. */
export const makeWebSeeds = Effect.fnUntraced(function* (
  request: Pick<DownloadRequest, "noWebSeeds" | "sequential" | "shareOnly" | "source">,
): Effect.fn.Return<WebSeeds, never, WebSeed> {
  const web = yield* WebSeed;
  const urls = request.shareOnly ? [] : urlsOf(request);
  const names = new Set(urls.map(({ shown }) => shown));
  const convicted = new Set<string>();
  const seeds = new Map<string, Seed>();

  const judge = (addresses: ReadonlyArray<string>): ReadonlyArray<string> =>
    addresses.filter((address) => {
      if (!names.has(address)) return true;
      if (convicted.has(address)) return false;
      convicted.add(address);
      seeds.get(address)?.giveUp();
      return true;
    });

  const run = Effect.fnUntraced(function* (filled: Queue.Queue<Filled>) {
    const swarm = yield* Swarm;
    const events = yield* Events;
    const torrent = yield* swarm.attached;
    const context: ConnectionContext = {
      torrent,
      fileUrl: makeFileUrls(torrent.info),
      sequential: request.sequential,
      filled: (runs) => void Queue.offerAllUnsafe(filled, runs),
      report: (error) => events.publishUnsafe({ type: "warning", code: error.code, message: error.message }),
    };
    yield* Effect.forEach(
      urls,
      (url) =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            const seed = makeSeed(torrent, url);
            seeds.set(url.shown, seed);
            return seed;
          }),
          (seed) => fetchFrom(seed, context),
          (seed) => Effect.sync(seed.leave),
        ),
      { concurrency: "unbounded", discard: true },
    );
  });

  const runs = Stream.unwrap(
    Effect.gen(function* () {
      // Bounded by the assembler's buffers.
      const filled = yield* Queue.unbounded<Filled>();
      yield* run(filled).pipe(
        Effect.provideService(WebSeed, web),
        Effect.tapCause((cause) => Effect.logError("web seeds ended", cause)),
        Effect.forkScoped,
      );
      return Stream.fromQueue(filled);
    }),
  );

  return {
    count: urls.length,
    asked: () => {
      // Those of a magnet link are not asked before its metadata is there.
      const begun = request.source._tag === "Metainfo" ? urls.length : seeds.size;
      const asked = begun - [...seeds.values()].filter(({ gone }) => Deferred.isDoneUnsafe(gone)).length;
      return asked === 0 ? [] : [`${asked} web seed${asked === 1 ? "" : "s"}`];
    },
    judged: (blame) => ({
      ...blame,
      failed: (index, blocks) => judge(blame.failed(index, blocks)),
      verified: (index, digestOf) => judge(blame.verified(index, digestOf)),
      compared: (index, digestOf) => judge(blame.compared(index, digestOf)),
    }),
    beside: (peers) => (urls.length === 0 ? peers : Stream.merge(peers, runs)),
  };
});
