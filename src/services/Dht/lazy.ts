/** A DHT that comes into being at its first use: until then it is a port number and a few addresses that somebody mentioned. */
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import type * as NetAddress from "effect/net/NetAddress";
import * as Scope from "effect/Scope";
import * as Stream from "effect/Stream";
import { Datagrams } from "../Datagrams/Datagrams.ts";
import { Dht } from "./Dht.ts";

/** Addresses that are kept until the first use. */
const MAX_MENTIONED = 32;

/** The DHT that `load` makes; it lives as long as the scope. */
export const makeLazy = <R>(
  load: Effect.Effect<Omit<Dht["Service"], "port">, never, R | Scope.Scope>,
): Effect.Effect<Dht["Service"], never, R | Datagrams | Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope;
    const context = yield* Effect.context<R>();
    const { addresses } = yield* Datagrams;
    const loading = yield* Deferred.make<Omit<Dht["Service"], "port">>();
    const mentioned: Array<NetAddress.InetAddress> = [];
    let begun = false;
    let network: Omit<Dht["Service"], "port"> | undefined;

    const begin = load.pipe(
      Effect.tap((loaded) =>
        Effect.sync(() => {
          network = loaded;
          for (const address of mentioned.splice(0)) loaded.addNode(address);
        }),
      ),
      Scope.provide(scope),
      Effect.provideContext(context),
      Deferred.into(loading),
      Effect.forkIn(scope),
    );
    const started = Effect.suspend(() => {
      if (begun) return Deferred.await(loading);
      begun = true;
      return Effect.andThen(begin, Deferred.await(loading));
    });

    return Dht.of({
      port: addresses[0]?.port,
      peers: (infoHash, options) => Stream.unwrap(Effect.map(started, (dht) => dht.peers(infoHash, options))),
      announce: (infoHash, announcement) => Effect.flatMap(started, (dht) => dht.announce(infoHash, announcement)),
      scrape: (infoHash) => Effect.flatMap(started, (dht) => dht.scrape(infoHash)),
      addNode: (address) => {
        if (network !== undefined) network.addNode(address);
        else if (mentioned.length < MAX_MENTIONED) mentioned.push(address);
      },
      stats: () => network?.stats() ?? new Map(),
    });
  });
