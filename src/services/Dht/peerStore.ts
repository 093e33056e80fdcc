/**
 * The peers that were announced to us (BEP 5), for as long as they count. Bounded in torrents and in peers of each; which of many are told changes with
 * each question.
 */
import * as NetAddress from "effect/net/NetAddress";
import * as Hex from "effect/encoding/Hex";
import type { DhtSettings } from "../../schema/settings.ts";

/** A peer of a torrent. */
interface Announced {
  readonly address: NetAddress.InetAddress;
  readonly seed: boolean;
  /** Milliseconds of the monotonic clock. */
  readonly until: number;
}

/** Peers by info-hash. */
export interface PeerStore {
  readonly add: (infoHash: Uint8Array, peer: { address: NetAddress.InetAddress; seed: boolean }, now: number) => void;
  /** The peers of a torrent that still count, the oldest first. */
  readonly get: (infoHash: Uint8Array, now: number) => ReadonlyArray<Announced>;
  /** Torrents that peers were announced for. */
  readonly size: () => number;
}

/** A store that holds nothing. */
export const makePeerStore = (
  settings: Pick<DhtSettings, "maxTorrents" | "maxPeersPerTorrent" | "peerLife">,
): PeerStore => {
  // in the order of their last announce, which is the order in which they end
  const torrents = new Map<string, Map<string, Announced>>();

  const expire = (peers: Map<string, Announced>, now: number): void => {
    for (const [key, { until }] of peers) {
      if (until > now) return;
      peers.delete(key);
    }
  };
  /** Frees a place: torrents that nobody announced lately go first, then the one with the fewest peers. */
  const makeRoom = (now: number): void => {
    let fewest: string | undefined;
    let peersOfIt = Infinity;
    for (const [key, peers] of torrents) {
      expire(peers, now);
      if (peers.size === 0) torrents.delete(key);
      else if (peers.size < peersOfIt) {
        fewest = key;
        peersOfIt = peers.size;
      }
    }
    if (torrents.size >= settings.maxTorrents && fewest !== undefined) torrents.delete(fewest);
  };

  return {
    add: (infoHash, { address, seed }, now) => {
      const key = Hex.encode(infoHash);
      if (!torrents.has(key) && torrents.size >= settings.maxTorrents) makeRoom(now);
      const peers = torrents.get(key) ?? new Map<string, Announced>();
      const name = NetAddress.formatInet(address);
      peers.delete(name);
      expire(peers, now);
      const [oldest] = peers.keys();
      if (peers.size >= settings.maxPeersPerTorrent && oldest !== undefined) peers.delete(oldest);
      peers.set(name, { address, seed, until: now + settings.peerLife });
      torrents.set(key, peers);
    },
    get: (infoHash, now) => {
      const peers = torrents.get(Hex.encode(infoHash));
      if (peers === undefined) return [];
      expire(peers, now);
      return [...peers.values()];
    },
    size: () => torrents.size,
  };
};
