/** All the live Layers together: what a download runs on in the real world. For the program and for users of the library. */
import * as Layer from "effect/Layer";
import type * as NetAddress from "effect/net/NetAddress";
import { Bans } from "./Bans.ts";
import { Bandwidth, type Limits } from "./Bandwidth.ts";
import { Choker } from "./Choker/Choker.ts";
import * as Datagrams from "./Datagrams/node.ts";
import * as Dns from "./Dns/node.ts";
import { Hasher } from "./Hasher.ts";
import { Picker } from "./Picker/Picker.ts";
import * as ResumeStore from "./ResumeStore/files.ts";
import * as Storage from "./Storage/files.ts";
import * as Tracker from "./Tracker/live.ts";
import * as Transport from "./Transport/tcp.ts";

/** Where the shared UDP port is bound; without `port` at any free one, without `address` at all of the machine's. */
export interface NetworkOptions {
  readonly port?: number;
  readonly address?: NetAddress.IpAddress | undefined;
  /** Bytes per second, for all downloads together. */
  readonly limits?: Limits;
}

/** Everything that `download` needs. */
export const layer = (options: NetworkOptions = {}) =>
  Layer.mergeAll(
    Tracker.layer.pipe(
      Layer.provide(Datagrams.layer({ port: options.port ?? 0, address: options.address })),
      Layer.provideMerge(Dns.layer),
    ),
    Transport.layer,
    Storage.layer,
    ResumeStore.layerDefault,
    Hasher.layer,
    Bandwidth.layerWith(options.limits ?? {}),
    Picker.layer,
    Choker.layer,
    Bans.layer,
  );
