/**
 * What one download has of the DHT: a source of candidates, a port to tell peers of, and ears for the ports that they tell (BEP 5). A private torrent has
 * nothing of it (BEP 27), from the moment that it is known to be private.
 */
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as NetAddress from "effect/net/NetAddress";
import * as Stream from "effect/Stream";
import type { InfoHash } from "../schema/infoHash.ts";
import { type Announcement, Dht } from "../services/Dht/Dht.ts";
import type { Candidates } from "./candidates.ts";
import type { DownloadRequest } from "./request.ts";

/** Trackers are asked first; a download that they serve at once never starts the DHT. In milliseconds. */
const HEAD_START = 1_000;

/** What conversations need of it. */
export interface DhtHook {
  /** The UDP port of our node; absent when the torrent has no DHT. */
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
  /** The torrent turned out to be private: searching ends, what was found is forgotten. */
  readonly forbid: () => void;
  /** Feeds the candidates; never ends. */
  readonly search: (options: {
    readonly infoHash: InfoHash;
    readonly candidates: Candidates;
    /** Trackers are asked as well. */
    readonly trackers: boolean;
    /** What is told to others, if they can reach us. */
    readonly announce: () => Announcement | undefined;
  }) => Effect.Effect<never>;
}

/** The DHT as far as the request and the torrent allow it. */
export const makeDhtPeers = Effect.fnUntraced(function* (
  request: DownloadRequest,
  isPrivate: boolean,
): Effect.fn.Return<DhtPeers, never, Dht> {
  const dht = yield* Dht;
  const forbidden = Deferred.makeUnsafe<void>();
  let used = !isPrivate && !request.noDht && dht.port !== undefined;
  const nodes = request.source._tag === "Magnet" ? request.source.magnet.nodes : request.source.metainfo.nodes;
  return {
    isUsed: () => used,
    port: () => (used ? dht.port : undefined),
    told: (peer, port) => {
      if (used && port !== 0) dht.addNode(NetAddress.inetAddressUnsafe(peer.address, port));
    },
    nodes: () => (used ? [...dht.stats().values()].reduce((sum, node) => sum + node.nodes, 0) : undefined),
    forbid: () => {
      used = false;
      Deferred.doneUnsafe(forbidden, Effect.void);
    },
    search: ({ infoHash, candidates, trackers, announce }) => {
      if (!used) return Effect.never;
      const found = dht.peers(infoHash, { nodes, announce }).pipe(
        Stream.map((address) => ({ address, source: "dht" as const })),
        Stream.interruptWhen(Deferred.await(forbidden)),
        candidates.addAll,
      );
      return Effect.sleep(trackers ? HEAD_START : 0).pipe(
        Effect.andThen(Effect.suspend(() => (used ? found : Effect.void))),
        Effect.andThen(Effect.sync(() => candidates.forget("dht"))),
        Effect.andThen(Effect.never),
      );
    },
  };
});
