/** Two hosts of the in-memory network that speak uTP, over datagrams that a test may spoil. */
import { Context, Effect, Layer } from "effect";
import { NetAddress } from "effect/net";
import { Datagrams } from "../../../../src/services/Datagrams/Datagrams.ts";
import type { LinkOptions } from "../../../../src/services/MemoryNetwork/link.ts";
import * as MemoryNetwork from "../../../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { Transport } from "../../../../src/services/Transport/Transport.ts";
import * as Utp from "../../../../src/services/Transport/utp.ts";

/** Changes the datagrams of a host. */
export type Spoil = (below: Datagrams["Service"]) => Datagrams["Service"];

/** One host: its uTP, its streams and its datagrams before they were spoiled. */
export const hostOf = Effect.fnUntraced(function* (
  network: MemoryNetwork.MemoryNetwork,
  address: string,
  spoil: Spoil = (below) => below,
) {
  const host = yield* Layer.build(network.host(address));
  const datagrams = Context.get(host, Datagrams);
  const spoiled = Layer.succeed(Datagrams, spoil(datagrams));
  const utp = Context.get(yield* Layer.build(Layer.fresh(Utp.layer).pipe(Layer.provide(spoiled))), Transport);
  const port = datagrams.addresses[0]?.port ?? 0;
  return {
    utp,
    datagrams,
    streams: Context.get(host, Transport),
    address: NetAddress.inetAddressFromIpStringUnsafe(address, port),
  };
});

/** Two hosts with one link between them; `spoil` changes the datagrams of the first, which dials. */
export const twoHosts = Effect.fnUntraced(function* (options: LinkOptions, spoil?: Spoil) {
  const network = yield* MemoryNetwork.make(options);
  const one = yield* hostOf(network, "10.0.0.1", spoil);
  const other = yield* hostOf(network, "10.0.0.2");
  const world = { dialler: one.utp, listener: other.utp, at: () => other.address };
  return { network, one, other, world };
});
