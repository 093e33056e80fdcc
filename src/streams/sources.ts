/** Where candidates come from: the peers that the user or the magnet named, and the trackers. Sources that need neither are in discovery.ts. */
import * as Effect from "effect/Effect";
import type * as Latch from "effect/Latch";
import * as NetAddress from "effect/net/NetAddress";
import * as Dns from "effect/net/Dns";
import * as Result from "effect/Result";
import * as Stream from "effect/Stream";
import { Events } from "../services/Events.ts";
import type { Tracker } from "../services/Tracker/Tracker.ts";
import type { TransferStats } from "./announcer.ts";
import { announces } from "./announces.ts";
import type { Candidates, Source } from "./candidates.ts";
import type { Entrance } from "./entrance.ts";
import type { Names } from "./names.ts";
import type { DownloadRequest } from "./request.ts";
import { changeTracker } from "./seclusion.ts";
import type { SwarmState } from "./Swarm.ts";
import { formatHostPort, type HostPort } from "../schema/hostPort.ts";

/** Port that is told to trackers when we do not listen: the discard port, which nobody will reach us at. */
const NO_PORT = 9;

/** What a request says of where to look. */
export interface Origins {
  /** Announce URLs by tier. */
  readonly tiers: ReadonlyArray<ReadonlyArray<string>>;
  readonly peers: ReadonlyArray<{ readonly at: HostPort; readonly source: Source }>;
}

/**
 * Trackers and peers of a request; the magnet's and the torrent's before the user's own trackers. The peers of a magnet that is known to be private are left
 * out: its tracker alone may name some (BEP 27), and the user.
 */
export const originsOf = (request: DownloadRequest, isPrivate: boolean): Origins => {
  const { source } = request;
  const own = source._tag === "Magnet" ? source.magnet.trackers.map((url) => [url]) : source.metainfo.trackers;
  const named = source._tag === "Magnet" && !isPrivate ? source.magnet.peers : [];
  return {
    tiers: request.noTrackers
      ? []
      : [...own, ...request.trackers.map((url) => [url])].filter((tier) => tier.length > 0),
    peers: [
      ...request.peers.map((at) => ({ at, source: "peer" as const })),
      ...named.map((at) => ({ at, source: "magnet" as const })),
    ],
  };
};

/** Whether anybody is named who can be asked. */
export const isNamed = ({ tiers, peers }: Origins): boolean => tiers.length + peers.length > 0;

/** Resolves and adds the peers that were named; one that cannot be resolved is a warning. */
export const addNamedPeers = (origins: Origins, candidates: Candidates): Effect.Effect<void, never, Dns.Dns | Events> =>
  Effect.forEach(
    origins.peers,
    ({ at, source }) =>
      Effect.gen(function* () {
        const literal = NetAddress.inetAddressFromIpString(at.host, at.port);
        if (Result.isSuccess(literal)) return candidates.add({ address: literal.success, source });
        const addresses = yield* (yield* Dns.Dns).lookup(at.host);
        for (const address of addresses)
          candidates.add({ address: NetAddress.inetAddressUnsafe(address, at.port), source });
      }).pipe(
        Effect.catch((error) =>
          Effect.flatMap(Events, (events) =>
            events.publish({
              type: "warning",
              code: "peer.unknown-host",
              message: `peer ${formatHostPort(at)} cannot be found: ${error.message}`,
            }),
          ),
        ),
      ),
    { concurrency: 8, discard: true },
  );

/** Announces for as long as it runs, feeding the candidates; the last announces go out when its scope closes. */
export const addTrackerPeers = (options: {
  readonly origins: Origins;
  readonly candidates: Candidates;
  readonly names: Pick<Names, "known" | "another">;
  readonly peerId: Uint8Array;
  /** How peers from outside reach us. */
  readonly entrance: Pick<Entrance, "port" | "otherThan">;
  /** Open once the torrent is known to be private. */
  readonly secluded: Latch.Latch;
  readonly stats: () => TransferStats;
  readonly completed: Latch.Latch;
  readonly hungry: Latch.Latch;
  /** Whose peers of a former tracker are left (private torrents). */
  readonly swarm: Pick<SwarmState, "members">;
  /** A tracker says where it sees us (BEP 24); told once for each of them. */
  readonly seenAt: (ip: NetAddress.IpAddress) => void;
}): Effect.Effect<void, never, Tracker | Events> => {
  const heard = new Set<string>();
  return announces({
    tiers: options.origins.tiers,
    names: options.names,
    peerId: options.peerId,
    port: () => options.entrance.port() ?? NO_PORT,
    otherPort: (told) => options.entrance.otherThan(told === NO_PORT ? undefined : told),
    secluded: options.secluded,
    stats: options.stats,
    completed: options.completed,
    hungry: options.hungry,
  }).pipe(
    Stream.runForEach(({ url, peers, externalIp, insteadOf }) =>
      Effect.sync(() => {
        if (externalIp !== undefined && !heard.has(url)) options.seenAt(externalIp);
        if (externalIp !== undefined) heard.add(url);
        if (insteadOf !== undefined)
          changeTracker(options.swarm, options.candidates, new Set(peers.map(NetAddress.formatInet)));
        for (const address of peers) options.candidates.add({ address, source: "tracker" });
      }),
    ),
  );
};
