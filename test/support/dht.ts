/** DHT nodes on the in-memory network, and names for them. */
import { Context, Effect, Layer } from "effect";
import { Dns, NetAddress } from "effect/net";
import { fromBytes, type InfoHash } from "../../src/schema/infoHash.ts";
import { Option } from "effect";
import { Datagrams } from "../../src/services/Datagrams/Datagrams.ts";
import { Dht } from "../../src/services/Dht/Dht.ts";
import * as MemoryDht from "../../src/services/Dht/memory.ts";
import type { DhtOptions } from "../../src/services/Dht/network.ts";
import * as MemoryDhtStore from "../../src/services/DhtStore/memory.ts";
import { Hasher } from "../../src/services/Hasher.ts";
import type { MemoryNetwork } from "../../src/services/MemoryNetwork/MemoryNetwork.ts";

/** The UDP port of all nodes here. */
export const DHT_PORT = 6881;

/** An info-hash of twenty equal bytes. */
export const infoHashOf = (byte: number): InfoHash => Option.getOrThrow(fromBytes(new Uint8Array(20).fill(byte)));

/** `address:port` as an address. */
export const inet = (text: string): NetAddress.InetAddress => NetAddress.inetAddressFromStringUnsafe(text);

/** A DHT over the datagrams of whoever has it. */
export const dhtOnly = (options: Partial<DhtOptions> = {}) =>
  Layer.fresh(MemoryDht.layer(options)).pipe(
    Layer.provide([Layer.orDie(Dns.layerStatic({ hosts: {} })), Layer.fresh(MemoryDhtStore.layer()), Hasher.layer]),
  );

/** The DHT of one host of the network, as a Layer. */
export const dhtLayer = (
  network: MemoryNetwork,
  address: string | ReadonlyArray<string>,
  options: Partial<DhtOptions> = {},
) => dhtOnly(options).pipe(Layer.provideMerge(network.host(address, { udpPort: DHT_PORT })));

/** Plugs a node in for as long as the test. */
export const makeDht = (
  network: MemoryNetwork,
  address: string | ReadonlyArray<string>,
  options: Partial<DhtOptions> = {},
) =>
  Effect.map(Layer.build(Layer.fresh(dhtLayer(network, address, options))), (context) => ({
    dht: Context.get(context, Dht),
    datagrams: Context.get(context, Datagrams),
  }));
