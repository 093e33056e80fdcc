/**
 * All the in-memory Layers together: one client on an in-memory network, with a disk and a state folder of its own. The counterpart of
 * live.ts, for tests; the trackers (`MemoryTrackers`) are shared by all clients and provided from outside.
 */
import * as Layer from "effect/Layer";
import * as Dns from "effect/net/Dns";
import * as NetAddress from "effect/net/NetAddress";
import { Bans } from "./Bans.ts";
import { Bandwidth } from "./Bandwidth.ts";
import { Choker } from "./Choker/Choker.ts";
import * as Dht from "./Dht/memory.ts";
import { Hasher } from "./Hasher.ts";
import { LocalDiscovery } from "./LocalDiscovery.ts";
import type { MemoryNetwork } from "./MemoryNetwork/MemoryNetwork.ts";
import { Picker } from "./Picker/Picker.ts";
import { PortMapping } from "./PortMapping/PortMapping.ts";
import * as ResumeStore from "./ResumeStore/memory.ts";
import * as SecureRandom from "./SecureRandom/seeded.ts";
import * as Storage from "./Storage/memory.ts";
import * as Tracker from "./Tracker/memory.ts";
import * as WebSeed from "./WebSeed/memory.ts";

/** Everything that `download` needs, for the client with this IP address on `network`. */
export const layer = (network: MemoryNetwork, address: string) =>
  Layer.mergeAll(
    network.host(address),
    Tracker.layer(NetAddress.ipFromStringUnsafe(address)),
    Dns.layerStatic({ hosts: {} }),
    Layer.fresh(Storage.layer),
    Layer.fresh(ResumeStore.layer),
    Layer.fresh(Bans.layer),
    SecureRandom.layer,
    Dht.layerOff,
    LocalDiscovery.layerOff,
    PortMapping.layerOff,
    WebSeed.layer,
    Hasher.layer,
    Bandwidth.layer,
    Picker.layer,
    Choker.layer,
  );
