/** The live Layers that a download runs on in the real world. */
import * as Layer from "effect/Layer";
import type * as NetAddress from "effect/net/NetAddress";
import { Bans } from "../services/Bans.ts";
import { Choker } from "../services/Choker/Choker.ts";
import * as Datagrams from "../services/Datagrams/node.ts";
import * as Dns from "../services/Dns/node.ts";
import { Picker } from "../services/Picker/Picker.ts";
import * as ResumeStore from "../services/ResumeStore/files.ts";
import * as Storage from "../services/Storage/files.ts";
import * as Tracker from "../services/Tracker/live.ts";
import * as Transport from "../services/Transport/tcp.ts";

/** Where the shared UDP port is bound. */
export interface NetworkOptions {
  readonly port: number;
  readonly address: NetAddress.IpAddress | undefined;
}

/** Everything that `download` needs but the `Hasher`, which reading a torrent needs as well. */
export const layer = (options: NetworkOptions) =>
  Layer.mergeAll(
    Tracker.layer.pipe(Layer.provide(Datagrams.layer(options)), Layer.provideMerge(Dns.layer)),
    Transport.layer,
    Storage.layer,
    ResumeStore.layerDefault,
    Picker.layer,
    Choker.layer,
    Bans.layer,
  );
