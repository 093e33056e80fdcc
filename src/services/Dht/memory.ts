/** The DHT without the machine: over whatever `Datagrams` there are, for tests on the in-memory network; and no DHT at all. */
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Stream from "effect/Stream";
import { Dht } from "./Dht.ts";
import { makeLazy } from "./lazy.ts";
import { type DhtOptions, type DhtServices, makeNetwork } from "./network.ts";

/** A DHT that knows only the routers it is given. */
export const layer = (options: Partial<DhtOptions> = {}): Layer.Layer<Dht, never, DhtServices> =>
  Layer.effect(Dht, makeLazy(makeNetwork({ routers: [], ...options })));

/** No DHT: nobody is found. */
export const layerOff: Layer.Layer<Dht> = Layer.succeed(
  Dht,
  Dht.of({
    port: undefined,
    peers: () => Stream.never,
    announce: () => Effect.succeed(0),
    scrape: () => Effect.succeed({ seeds: 0, peers: 0 }),
    addNode: () => {},
    stats: () => new Map(),
  }),
);
