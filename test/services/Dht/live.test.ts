import { assert, describe, it } from "@effect/vitest";
import { Context, Effect, Layer, Option, Stream } from "effect";
import { NetAddress } from "effect/net";
import * as Datagrams from "../../../src/services/Datagrams/node.ts";
import { Dht } from "../../../src/services/Dht/Dht.ts";
import * as LiveDht from "../../../src/services/Dht/live.ts";
import * as MemoryDhtStore from "../../../src/services/DhtStore/memory.ts";
import * as Dns from "../../../src/services/Dns/node.ts";
import { Hasher } from "../../../src/services/Hasher.ts";
import { infoHashOf } from "../../support/dht.ts";

/** A node on a real socket. */
const makeLive = (host: string, router: number | undefined) =>
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

describe("the live Dht", () => {
  for (const host of ["127.0.0.1", "::1"])
    it.live(`finds a peer among 20 nodes on ${host}`, () =>
      Effect.gen(function* () {
        const first = yield* makeLive(host, undefined);
        yield* first.scrape(infoHashOf(9));
        const others = yield* Effect.replicateEffect(makeLive(host, first.port), 19);
        yield* Effect.forEach(others, (dht) => dht.scrape(infoHashOf(9)), { concurrency: 4, discard: true });
        const seeding = others[3] ?? first;
        // the first lookup of a node may end before it knows more than the first
        const told = yield* Effect.repeat(seeding.announce(infoHashOf(1), { port: 7_000, seed: true }), {
          until: (count) => count >= 2,
        });
        assert.isAtLeast(told, 2);
        const last = yield* makeLive(host, first.port);
        const peer = yield* Stream.runHead(last.peers(infoHashOf(1)));
        assert.deepStrictEqual(
          Option.map(peer, ({ port }) => port),
          Option.some(7_000),
        );
      }),
    );
});
