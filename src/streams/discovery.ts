/**
 * The sources of peers that a public torrent has beside its trackers: the DHT, the local network, other peers and earlier runs. Here they are switched on
 * together, and off together when the torrent turns out to be private (BEP 27); each is a room of its own.
 */
import * as Effect from "effect/Effect";
import * as Latch from "effect/Latch";
import type * as NetAddress from "effect/net/NetAddress";
import { PexFlag } from "../schema/utPex.ts";
import type { Dht } from "../services/Dht/Dht.ts";
import type { LocalDiscovery } from "../services/LocalDiscovery.ts";
import type { Candidates } from "./candidates.ts";
import { type DhtHook, makeDhtPeers } from "./dhtPeers.ts";
import { makeLocalPeers } from "./localPeers.ts";
import type { Names } from "./names.ts";
import { makePeerExchange, type PeerExchange } from "./pex.ts";
import type { Entrance } from "./entrance.ts";
import type { DownloadRequest } from "./request.ts";
import { seclude } from "./seclusion.ts";
import type { Origins } from "./sources.ts";
import type { SwarmState } from "./Swarm.ts";

/** All of it, for one download. */
export interface Discovery {
  readonly dht: DhtHook;
  readonly exchange: PeerExchange;
  /** Whether peers may be found although nobody is named. */
  readonly isUsed: () => boolean;
  /** Who is being asked, in words. */
  readonly asked: () => ReadonlyArray<string>;
  /** Peers that were of use to earlier runs. */
  readonly recall: (peers: ReadonlyArray<NetAddress.InetAddress>) => void;
  /** Open once the torrent is known to be private. */
  readonly secluded: Latch.Latch;
  /** The metadata is there: what a private torrent must not have ends, and those whom it brought are left. */
  readonly learned: (isPrivate: boolean, swarm: Pick<SwarmState, "members">) => void;
  /** Feeds the candidates; never ends. */
  readonly search: Effect.Effect<never>;
}

/** Discovery as far as the request and the torrent allow it. */
export const makeDiscovery = Effect.fnUntraced(function* (
  request: DownloadRequest,
  options: {
    readonly names: Pick<Names, "each" | "known">;
    /** Absent: not known yet. */
    readonly isPrivate: boolean | undefined;
    readonly candidates: Candidates;
    readonly origins: Origins;
    /** The port that peers nearby reach us by; absent when they cannot. */
    readonly port: number | undefined;
    /** The one for those from outside. */
    readonly entrance: Pick<Entrance, "port">;
    readonly isComplete: () => boolean;
  },
): Effect.fn.Return<Discovery, never, Dht | LocalDiscovery> {
  const { candidates, names, isComplete, isPrivate, origins, entrance, port } = options;
  const secluded = Latch.makeUnsafe(isPrivate === true);
  const dht = yield* makeDhtPeers(request, isPrivate);
  const local = yield* makeLocalPeers(request, isPrivate ?? false);
  const exchange = makePeerExchange({
    wanted: !request.noPex,
    isPrivate,
    found: (candidate) => {
      // Two who have everything have nothing to say to each other.
      const seeds = ((candidate.pex?.flags ?? 0) & PexFlag.seed) !== 0;
      if (!seeds || !isComplete()) candidates.add(candidate);
    },
  });
  return {
    dht,
    exchange,
    secluded,
    isUsed: () => dht.isUsed() || local.isUsed(),
    asked: () => {
      const nodes = dht.nodes();
      const nodesInWords = nodes === 0 ? " (no node answers yet)" : ` (${nodes} node${nodes === 1 ? "" : "s"})`;
      return [
        ...(nodes === undefined ? [] : [`the DHT${nodesInWords}`]),
        ...(local.isUsed() ? ["the local network"] : []),
      ];
    },
    recall: (peers) => {
      // Without trackers the peers are the user's to choose.
      if (!request.noTrackers) for (const address of peers) candidates.add({ address, source: "cache" });
    },
    learned: (isPrivate, swarm) => {
      exchange.learned(isPrivate);
      dht.learned(isPrivate);
      if (!isPrivate) return;
      local.forbid();
      seclude(swarm, candidates);
      Latch.openUnsafe(secluded);
    },
    search: Effect.raceFirst(
      dht.search({
        names,
        candidates,
        trackers: origins.tiers.length > 0,
        announce: () => {
          const outside = entrance.port();
          return outside === undefined ? undefined : { port: outside, seed: isComplete() };
        },
      }),
      local.search({ names, candidates, port, others: origins.tiers.length + origins.peers.length > 0 }),
    ),
  };
});
