/**
 * What one download has of the DHT: a source of candidates, a port to tell peers of, and ears for the ports that they tell (BEP 5). A private torrent has
 * nothing of it (BEP 27), from the moment that it is known to be private; until it is known not to be, we are announced to nobody.
 */
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as NetAddress from "effect/net/NetAddress";
import * as Stream from "effect/Stream";
import { type Announcement, Dht } from "../services/Dht/Dht.ts";
import type { Candidates } from "./candidates.ts";
import type { Names } from "./names.ts";
import type { DownloadRequest } from "./request.ts";

/** Trackers are asked first; a download that they serve at once never starts the DHT. In milliseconds. */
const HEAD_START = 1_000;

/** What conversations need of it. */
export interface DhtHook {
  /** The UDP port of our node, to be told to peers; absent when the torrent has no DHT or nobody can reach us by it. */
  readonly port: () => number | undefined;
  /** The peer at this address has a node at this port. */
  readonly told: (peer: NetAddress.InetAddress, port: number) => void;
}

/** The DHT of one download. */
export interface DhtPeers extends DhtHook {
  /** Whether there is anybody to ask by it. */
  readonly isUsed: () => boolean;
  /** Nodes that we know; absent when it is not used. */
  readonly nodes: () => number | undefined;
  /** The metadata is there. Of a private torrent searching ends and what was found is forgotten; of another we are announced from now on. */
  readonly learned: (isPrivate: boolean) => void;
  /** Feeds the candidates; never ends. */
  readonly search: (options: {
    readonly names: Pick<Names, "each" | "known">;
    readonly candidates: Candidates;
    /** Trackers are asked as well. */
    readonly trackers: boolean;
    /** What is told to others, if they can reach us. */
    readonly announce: () => Announcement | undefined;
  }) => Effect.Effect<never>;
}

/** The DHT as far as the request and the torrent allow it; `isPrivate` is absent where that is not known yet. */
export const makeDhtPeers = Effect.fnUntraced(function* (
  request: DownloadRequest,
  isPrivate: boolean | undefined,
): Effect.fn.Return<DhtPeers, never, Dht> {
  const dht = yield* Dht;
  const allowed = Deferred.makeUnsafe<void>();
  const forbidden = Deferred.makeUnsafe<void>();
  let isPublic = isPrivate === false;
  let used = isPrivate !== true && !request.noDht && dht.port !== undefined;
  const nodes = request.source._tag === "Magnet" ? request.source.magnet.nodes : request.source.metainfo.nodes;
  return {
    isUsed: () => used,
    // Port 0 is that of a node that nobody can reach by one.
    port: () => (used && dht.port !== 0 ? dht.port : undefined),
    told: (peer, port) => {
      if (used && port !== 0) dht.addNode(NetAddress.inetAddressUnsafe(peer.address, port));
    },
    nodes: () => (used ? [...dht.stats().values()].reduce((sum, node) => sum + node.nodes, 0) : undefined),
    learned: (isPrivate) => {
      isPublic = !isPrivate;
      if (isPrivate) used = false;
      Deferred.doneUnsafe(isPrivate ? forbidden : allowed, Effect.void);
    },
    search: ({ names, candidates, trackers, announce }) => {
      if (!used) return Effect.never;
      const early = names.known();
      const found = names.each.pipe(
        Stream.flatMap((name) => dht.peers(name, { nodes, announce: () => (isPublic ? announce() : undefined) }), {
          concurrency: "unbounded",
        }),
        Stream.map((address) => ({ address, source: "dht" as const })),
        Stream.interruptWhen(Deferred.await(forbidden)),
        candidates.addAll,
      );
      const searching = Effect.sleep(trackers ? HEAD_START : 0).pipe(
        Effect.andThen(Effect.suspend(() => (used ? found : Effect.void))),
        Effect.andThen(Effect.sync(() => candidates.forget("dht"))),
      );
      // the lookup that found the metadata could announce nothing yet
      const announcing = Effect.gen(function* () {
        yield* Deferred.await(allowed);
        const announcement = announce();
        if (announcement === undefined) return;
        yield* Effect.forEach(early, (name) => dht.announce(name, announcement), {
          concurrency: "unbounded",
          discard: true,
        });
      });
      return Effect.andThen(Effect.all([searching, announcing], { concurrency: "unbounded" }), Effect.never);
    },
  };
});
