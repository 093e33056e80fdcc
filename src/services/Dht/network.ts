/**
 * The DHT as a whole: a node on each address family that this machine has, joining, searching, and what is kept for the next run. Loaded at the first use.
 *
 * Life cycle: as long as the scope it is made in; the tables are saved now and then, and at the end.
 */
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as NetAddress from "effect/net/NetAddress";
import type * as Dns from "effect/net/Dns";
import * as Option from "effect/Option";
import * as Queue from "effect/Queue";
import * as Random from "effect/Random";
import type * as Scope from "effect/Scope";
import * as Stream from "effect/Stream";
import { bloomCount, emptyBloom, mergeBloom } from "../../schema/bloom.ts";
import type { InfoHash } from "../../schema/infoHash.ts";
import type { Query } from "../../schema/krpc.ts";
import { DhtSettings } from "../../schema/settings.ts";
import { Datagrams } from "../Datagrams/Datagrams.ts";
import { DhtStore } from "../DhtStore/DhtStore.ts";
import { Hasher } from "../Hasher.ts";
import { makeBootstrap } from "./bootstrap.ts";
import type { Announcement, Dht, PeersOptions } from "./Dht.ts";
import { type DhtNode, makeNode } from "./node.ts";
import { isReachable } from "./place.ts";
import type { HostPort } from "../../schema/hostPort.ts";

/** Addresses of peers that wait to be taken; what comes while nobody takes them is let go. */
const PEERS_WAITING = 4_096;
/** Intervals vary by a tenth either way, so that clients started together part. */
const JITTER = 0.1;

/** How the DHT is joined. */
export interface DhtOptions {
  /** Whom to ask when nobody else is known. */
  readonly routers: ReadonlyArray<HostPort>;
  /** Addresses of this machine, where the shared port is bound to all of them. */
  readonly own?: ReadonlyArray<NetAddress.IpAddress>;
  /** Unpredictable bytes; by default of `Random`. */
  readonly secret?: (length: number) => Uint8Array;
}

/** What a DHT needs. */
export type DhtServices = Datagrams | Dns.Dns | DhtStore | Hasher;

/** Joins the DHT. */
export const makeNetwork = Effect.fnUntraced(function* (
  options: DhtOptions,
): Effect.fn.Return<Omit<Dht["Service"], "port">, never, DhtServices | Scope.Scope> {
  const datagrams = yield* Datagrams;
  const hasher = yield* Hasher;
  const random = yield* Random.Random;
  const store = yield* DhtStore;
  const settings = yield* DhtSettings;
  const saved = Option.getOrElse(yield* store.load, () => new Map());
  const bootstrap = yield* makeBootstrap(options.routers, datagrams.sendNamed !== undefined);

  let changed = Deferred.makeUnsafe<void>();
  /** Waits for what happens after this call. */
  const news = (): Effect.Effect<void> => Deferred.await(changed);
  const moved = (): void => {
    const waiting = changed;
    changed = Deferred.makeUnsafe<void>();
    Deferred.doneUnsafe(waiting, Effect.void);
  };

  // bound to one address, we are at that one alone
  const own = datagrams.addresses.flatMap(({ address }) =>
    NetAddress.isUnspecified(address)
      ? (options.own ?? []).filter((ip) => NetAddress.familyOf(ip) === NetAddress.familyOf(address))
      : [address],
  );
  const families = [...new Set(datagrams.addresses.map(NetAddress.familyOf))];
  const nodes: Array<DhtNode> = [];
  for (const family of families)
    nodes.push(
      yield* makeNode({
        family,
        saved: saved.get(family),
        own,
        sha1: hasher.sha1,
        secret: options.secret ?? ((length) => Uint8Array.from({ length }, () => random.nextDoubleUnsafe() * 256)),
        others: (target) => nodes.find((node) => node.family !== family)?.closest(target) ?? [],
        mentioned: (contact) => {
          if (families.includes(NetAddress.familyOf(contact.address))) bootstrap.mention(contact);
        },
        moved,
      }),
    );
  yield* Effect.forkScoped(bootstrap.join(nodes, news));

  const save = Effect.suspend(() => {
    const table = new Map(
      nodes.map((node) => [node.family, { id: node.id(), nodes: node.contacts().slice(0, settings.savedNodes) }]),
    );
    // a run that met nobody has nothing better than what was there before
    return nodes.some((node) => node.stats().nodes > 0) ? store.save(table) : Effect.void;
  });
  yield* Effect.addFinalizer(() => save);
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(settings.saveInterval), save)));

  const seekPeers = (
    node: DhtNode,
    infoHash: InfoHash,
    change: Partial<Extract<Query, { readonly _tag: "GetPeers" }>> & {
      readonly heard?: Parameters<DhtNode["seek"]>[2]["heard"];
    } = {},
  ) => {
    const { heard, ...query } = change;
    return node.seek(
      infoHash.bytes,
      { _tag: "GetPeers", infoHash: infoHash.bytes, want: [], noSeed: false, scrape: false, ...query },
      { from: bootstrap.beginnings(node.family, node.stats().nodes), ...(heard && { heard }) },
    );
  };
  const tell = (node: DhtNode, infoHash: InfoHash, announcement: Announcement) =>
    Effect.flatMap(seekPeers(node, infoHash), ({ closest }) =>
      node.announce(closest, { infoHash: infoHash.bytes, ...announcement }),
    );

  /** Looks for peers on one family for ever. */
  const search = Effect.fnUntraced(function* (
    node: DhtNode,
    infoHash: InfoHash,
    search: {
      readonly announce: PeersOptions["announce"];
      readonly found: (peers: ReadonlyArray<NetAddress.InetAddress>) => void;
    },
  ) {
    let alone = settings.bootstrapDelay;
    let empty = settings.emptyInterval;
    while (true) {
      const change = news();
      let peers = 0;
      const result = yield* seekPeers(node, infoHash, {
        // two who have everything have nothing to say to each other
        noSeed: search.announce?.()?.seed ?? false,
        heard: (answer) => {
          const usable = answer.peers.filter(isReachable);
          peers += usable.length;
          search.found(usable);
        },
      });
      if (result.answered === 0) {
        yield* Effect.timeoutOption(change, alone);
        alone = Math.min(alone * 2, settings.lookupInterval);
        continue;
      }
      alone = settings.bootstrapDelay;
      const announcement = search.announce?.();
      if (announcement !== undefined)
        yield* node.announce(result.closest, { infoHash: infoHash.bytes, ...announcement });
      const interval = peers > 0 ? settings.lookupInterval : empty;
      empty = peers > 0 ? settings.emptyInterval : Math.min(empty * 2, settings.lookupInterval);
      yield* Effect.sleep(Math.round(interval * (1 + JITTER * (2 * random.nextDoubleUnsafe() - 1))));
    }
  });

  return {
    peers: (infoHash, { nodes: named = [], announce } = {}) =>
      Stream.callback<NetAddress.InetAddress>(
        (queue) =>
          Effect.suspend(() => {
            bootstrap.name(named);
            const found = (peers: ReadonlyArray<NetAddress.InetAddress>): void => {
              for (const peer of peers) Queue.offerUnsafe(queue, peer);
            };
            return Effect.forEach(nodes, (node) => search(node, infoHash, { announce, found }), {
              concurrency: "unbounded",
              discard: true,
            });
          }),
        { bufferSize: PEERS_WAITING, strategy: "dropping" },
      ),
    announce: (infoHash, announcement) =>
      Effect.map(
        Effect.forEach(nodes, (node) => tell(node, infoHash, announcement), { concurrency: "unbounded" }),
        (told) => told.reduce((sum, count) => sum + count, 0),
      ),
    scrape: (infoHash) =>
      Effect.suspend(() => {
        const filters = { seeds: emptyBloom(), peers: emptyBloom() };
        return Effect.as(
          Effect.forEach(
            nodes,
            (node) =>
              seekPeers(node, infoHash, {
                scrape: true,
                heard: ({ seedFilter, peerFilter }) => {
                  if (seedFilter !== undefined) mergeBloom(filters.seeds, seedFilter);
                  if (peerFilter !== undefined) mergeBloom(filters.peers, peerFilter);
                },
              }),
            { concurrency: "unbounded", discard: true },
          ),
          filters,
        ).pipe(Effect.map(({ seeds, peers }) => ({ seeds: bloomCount(seeds), peers: bloomCount(peers) })));
      }),
    addNode: (address) => {
      const to = NetAddress.toCanonical(address);
      nodes.find(({ family }) => family === NetAddress.familyOf(to))?.greet(to);
    },
    stats: () => new Map(nodes.map((node) => [node.family, node.stats()])),
  };
});
