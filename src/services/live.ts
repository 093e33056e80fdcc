/** All the live Layers together: what a download runs on in the real world. For the program and for users of the library. */
import * as Layer from "effect/Layer";
import * as NetAddress from "effect/net/NetAddress";
import type { IpFilter } from "../schema/ipFilter.ts";
import type { Proxy } from "../schema/socks5.ts";
import { Bans } from "./Bans.ts";
import { Bandwidth, type Limits } from "./Bandwidth.ts";
import * as BehindProxy from "./behindProxy.ts";
import { Choker } from "./Choker/Choker.ts";
import * as Datagrams from "./Datagrams/node.ts";
import * as Dht from "./Dht/live.ts";
import * as DhtStore from "./DhtStore/files.ts";
import * as Dns from "./Dns/node.ts";
import { Hasher } from "./Hasher.ts";
import * as Idleness from "./Idleness/node.ts";
import * as HashThreads from "./HashThreads/workers.ts";
import { HttpProxy } from "./http/proxied.ts";
import { LocalDiscovery } from "./LocalDiscovery.ts";
import * as Multicast from "./Multicast/node.ts";
import { Picker } from "./Picker/Picker.ts";
import * as PortMappingLive from "./PortMapping/live.ts";
import { PortMapping } from "./PortMapping/PortMapping.ts";
import * as ResumeStore from "./ResumeStore/files.ts";
import * as SecureRandom from "./SecureRandom/node.ts";
import * as Storage from "./Storage/files.ts";
import * as Tracker from "./Tracker/live.ts";
import * as Dual from "./Transport/dual.ts";
import * as Tcp from "./Transport/tcp.ts";
import * as Utp from "./Transport/utp.ts";
import * as WebSeed from "./WebSeed/http.ts";
import type { HostPort } from "../schema/hostPort.ts";

/** Where the shared UDP port is bound; without `port` at any free one, without `address` at all of the machine's. */
export interface NetworkOptions {
  readonly port?: number;
  readonly address?: NetAddress.IpAddress | undefined;
  /** Nodes through which the DHT is joined, in place of the well-known ones. */
  readonly dhtRouters?: ReadonlyArray<HostPort> | undefined;
  /** Peers are reached by TCP alone, not by uTP. */
  readonly noUtp?: boolean | undefined;
  /** No router is asked to pass our port on. */
  readonly noPortMapping?: boolean | undefined;
  /** All goes through it, UDP as far as it relays that; what it cannot carry is off. */
  readonly proxy?: Proxy | undefined;
  /** Addresses that are never talked to as peers. */
  readonly ipFilter?: IpFilter | undefined;
  /** Bytes per second, for all downloads together. */
  readonly limits?: Limits;
}

/** Whether a router could be of use: what listens on this machine alone is not to be reached. */
const isMapped = ({ address, noPortMapping }: NetworkOptions): boolean =>
  noPortMapping !== true && (address === undefined || !NetAddress.isLoopback(address));

/** The network as this machine has it. */
const direct = (options: NetworkOptions) =>
  Layer.mergeAll(
    Layer.mergeAll(
      Tracker.layer,
      Dht.layer({ routers: options.dhtRouters }),
      options.noUtp === true ? Tcp.layer : Dual.layer(Tcp.layer, Utp.layer),
      isMapped(options) ? PortMappingLive.layer.pipe(Layer.provide(SecureRandom.layer)) : PortMapping.layerOff,
    ).pipe(
      Layer.provide([
        Datagrams.layer({ port: options.port ?? 0, address: options.address }),
        DhtStore.layerDefault,
        Hasher.layer,
      ]),
      Layer.provideMerge(Dns.layer),
    ),
    LocalDiscovery.layer.pipe(Layer.provide(Multicast.layer({ address: options.address }))),
    WebSeed.layer,
  );

/** The network behind a proxy. */
const behind = (proxy: Proxy, { address, dhtRouters, noUtp }: NetworkOptions) =>
  Layer.mergeAll(Tracker.layer, WebSeed.layer).pipe(
    Layer.provide(Layer.succeed(HttpProxy, proxy)),
    Layer.provideMerge(
      BehindProxy.layer(
        proxy,
        { transport: Tcp.layer, datagrams: Datagrams.layer({ port: 0, address }), dns: Dns.layer },
        { dht: Dht.layer({ routers: dhtRouters }), utp: noUtp !== true },
      ),
    ),
  );

/** Everything that `download` needs. */
export const layer = (options: NetworkOptions = {}) =>
  Layer.mergeAll(
    options.proxy === undefined ? direct(options) : behind(options.proxy, options),
    Storage.layer,
    ResumeStore.layerDefault,
    Hasher.layer,
    HashThreads.layer,
    Idleness.layer,
    Bandwidth.layerWith(options.limits ?? {}),
    Picker.layer,
    Choker.layer,
    Bans.layerWith(options.ipFilter),
    SecureRandom.layer,
  );
