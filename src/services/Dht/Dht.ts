/**
 * Finding peers without a tracker (BEP 5): the service. What is behind it: network.ts puts the nodes of both address families together, node.ts is one of
 * them, and table.ts, lookup.ts, rpc.ts, answering.ts are its rooms.
 *
 * Life cycle: nothing is loaded, sent or answered before the first use; from then on our nodes take part until the layer's scope ends.
 */
import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import type * as NetAddress from "effect/net/NetAddress";
import type * as Stream from "effect/Stream";
import type { InfoHash } from "../../schema/infoHash.ts";
import type { NodeStats } from "./node.ts";
import type { HostPort } from "../../schema/hostPort.ts";

export type { NodeStats } from "./node.ts";

/** What is told to the nodes nearest to a torrent. */
export interface Announcement {
  /** Where peers reach us by TCP. */
  readonly port: number;
  /** We have all of it (BEP 33). */
  readonly seed: boolean;
}

/** How peers of a torrent are looked for. */
export interface PeersOptions {
  /** Nodes that the torrent or the magnet names, for joining. */
  readonly nodes?: ReadonlyArray<HostPort>;
  /** Asked before and after each lookup: what is announced to the nodes it ended at; a seed looks for those who are none (BEP 33). */
  readonly announce?: () => Announcement | undefined;
}

/** How many peers a torrent has, estimated (BEP 33). */
export interface Scrape {
  readonly seeds: number;
  readonly peers: number;
}

/** The DHT. Layers: `services/Dht/live.ts`, `services/Dht/memory.ts`, and `off` where it is not to be used. */
export class Dht extends Context.Service<
  Dht,
  {
    /** The UDP port that our nodes are at, 0 where nobody can reach us by one; undefined when there is no DHT. */
    readonly port: number | undefined;
    /** Looks for peers of a torrent, at once and then every 15 minutes, as long as it runs. It never ends; addresses may come again. */
    readonly peers: (infoHash: InfoHash, options?: PeersOptions) => Stream.Stream<NetAddress.InetAddress>;
    /** Announces once; gives how many nodes took it. */
    readonly announce: (infoHash: InfoHash, announcement: Announcement) => Effect.Effect<number>;
    /** Asks how many peers there are. */
    readonly scrape: (infoHash: InfoHash) => Effect.Effect<Scrape>;
    /** Somebody says that there is a node: it is kept if it answers. */
    readonly addNode: (address: NetAddress.InetAddress) => void;
    /** How our nodes stand, by address family; empty before the first use. */
    readonly stats: () => ReadonlyMap<NetAddress.IpFamily, NodeStats>;
  }
>()("bt-effect/services/Dht") {}
