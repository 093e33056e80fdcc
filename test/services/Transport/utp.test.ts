import { describe, it } from "@effect/vitest";
import { Context, Effect, Layer } from "effect";
import { NetAddress } from "effect/net";
import type { LinkOptions } from "../../../src/services/MemoryNetwork/link.ts";
import * as MemoryNetwork from "../../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { Transport } from "../../../src/services/Transport/Transport.ts";
import * as Utp from "../../../src/services/Transport/utp.ts";
import { connectionContract } from "./connectionContract.ts";
import { driven } from "./driven.ts";
import { listenerContract } from "./listenerContract.ts";
import type { World } from "./pair.ts";

const transportOf = (network: MemoryNetwork.MemoryNetwork, address: string) =>
  Effect.map(Layer.build(Layer.fresh(Utp.layer).pipe(Layer.provide(network.host(address)))), (context) =>
    Context.get(context, Transport),
  );

const world = (options: LinkOptions) =>
  Effect.gen(function* () {
    const network = yield* MemoryNetwork.make(options);
    return {
      dialler: yield* transportOf(network, "10.0.0.1"),
      listener: yield* transportOf(network, "10.0.0.2"),
      at: (port) => NetAddress.inetAddressFromStringUnsafe(`10.0.0.2:${port}`),
    } satisfies World;
  });

for (const [name, options] of [
  ["over a short way", { latency: "1 millis" }],
  ["with a delay", { latency: "25 millis", bytesPerSecond: 10_000_000 }],
] as const)
  describe(`uTP ${name}`, () => {
    for (const contract of [connectionContract, listenerContract])
      contract(world(options), (title, effect) => it.effect(title, () => driven(Effect.scoped(effect))));
  });
