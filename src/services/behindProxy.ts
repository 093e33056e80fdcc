/**
 * The network behind a SOCKS5 proxy: connections and, where the proxy relays it, UDP go through it, names and all. What it cannot carry (look-ups of our own,
 * multicast, arrivals, the router's help) is not there at all, so that nothing can go round it. HTTP has its own way through it, `http/proxied.ts`.
 */
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Dns from "effect/net/Dns";
import * as Result from "effect/Result";
import type { Proxy } from "../schema/socks5.ts";
import type { Datagrams } from "./Datagrams/Datagrams.ts";
import * as NoDatagrams from "./Datagrams/none.ts";
import * as RelayedDatagrams from "./Datagrams/socks5.ts";
import type { Dht } from "./Dht/Dht.ts";
import * as DhtMemory from "./Dht/memory.ts";
import type { DhtServices } from "./Dht/network.ts";
import * as DhtStore from "./DhtStore/memory.ts";
import { Hasher } from "./Hasher.ts";
import { LocalDiscovery } from "./LocalDiscovery.ts";
import { PortMapping } from "./PortMapping/PortMapping.ts";
import * as Dual from "./Transport/dual.ts";
import * as Socks5 from "./Transport/socks5.ts";
import type { Transport } from "./Transport/Transport.ts";
import * as Utp from "./Transport/utp.ts";

/** This machine's network, by which the proxy is reached. */
export interface Direct {
  readonly transport: Layer.Layer<Transport>;
  readonly datagrams: Layer.Layer<Datagrams>;
  /** Asked for the proxy's own name alone. */
  readonly dns: Layer.Layer<Dns.Dns>;
}

/** What runs over UDP. */
export interface OverUdp {
  readonly dht: Layer.Layer<Dht, never, DhtServices>;
  readonly utp: boolean;
}

// No name is looked up by us; an empty table cannot be wrong.
const noNames = Layer.orDie(Dns.layerStatic({ hosts: {} }));

/** What there is of UDP and of connections. A DHT behind a proxy begins anew each time: the id of a run without one would give us away. */
const carried = (proxy: Proxy, direct: Direct, { dht, utp }: OverUdp) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const relayed = RelayedDatagrams.layer(proxy, direct).pipe(Layer.provide(direct.dns));
      const built = yield* Effect.result(Layer.build(relayed));
      if (Result.isFailure(built)) {
        const { message } = built.failure;
        const tcp = Socks5.layer(proxy, direct.transport, message).pipe(Layer.provide(direct.dns));
        return Layer.mergeAll(tcp, NoDatagrams.layer(`UDP is off: ${message}`), DhtMemory.layerOff);
      }
      const datagrams = Layer.succeedContext(built.success);
      const tcp = Socks5.layer(proxy, direct.transport).pipe(Layer.provide(direct.dns));
      return Layer.mergeAll(
        utp ? Dual.layer(tcp, Utp.layer) : tcp,
        dht.pipe(Layer.provide([noNames, Layer.fresh(DhtStore.layer()), Hasher.layer])),
      ).pipe(Layer.provideMerge(datagrams));
    }),
  );

/** The network behind `proxy`. */
export const layer = (proxy: Proxy, direct: Direct, overUdp: OverUdp) =>
  Layer.mergeAll(carried(proxy, direct, overUdp), LocalDiscovery.layerOff, PortMapping.layerOff, noNames);
