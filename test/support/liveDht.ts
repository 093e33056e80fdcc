/** DHT nodes of ours on real sockets. */
import { Context, Effect, Layer, type Scope } from "effect";
import { NetAddress } from "effect/net";
import * as Datagrams from "../../src/services/Datagrams/node.ts";
import { Dht } from "../../src/services/Dht/Dht.ts";
import * as LiveDht from "../../src/services/Dht/live.ts";
import * as MemoryDhtStore from "../../src/services/DhtStore/memory.ts";
import * as Dns from "../../src/services/Dns/node.ts";
import { Hasher } from "../../src/services/Hasher.ts";
import { infoHashOf } from "./dht.ts";

type Node = Dht["Service"];

/** A node on a socket of its own; without a router it is alone at first. */
export const makeLiveNode = (host: string, router: number | undefined): Effect.Effect<Node, never, Scope.Scope> =>
  Effect.map(
    Layer.build(
      Layer.fresh(LiveDht.layer({ routers: router === undefined ? [] : [{ host, port: router }] })).pipe(
        Layer.provide([
          Layer.fresh(Datagrams.layer({ port: 0, address: NetAddress.ipFromStringUnsafe(host) })),
          Dns.layer,
          Layer.fresh(MemoryDhtStore.layer()),
          Hasher.layer,
        ]),
      ),
    ),
    Context.get(Dht),
  );

/** Twenty nodes that know each other, the first of which all joined by; one of them announces. */
export const makeLiveDht = (host: string) =>
  Effect.gen(function* () {
    const first = yield* makeLiveNode(host, undefined);
    yield* first.scrape(infoHashOf(9));
    const others = yield* Effect.replicateEffect(makeLiveNode(host, first.port), 19);
    yield* Effect.forEach(others, (dht) => dht.scrape(infoHashOf(9)), { concurrency: 4, discard: true });
    const speaker = others[3] ?? first;
    const announce = (...told: Parameters<Node["announce"]>) =>
      // the first lookup of a node may end before it knows more than the first
      Effect.asVoid(Effect.repeat(speaker.announce(...told), { until: (count) => count >= 2 }));
    return { router: first.port, announce };
  });
