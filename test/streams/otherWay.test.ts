import { assert, describe, it } from "@effect/vitest";
import { Context, Effect, Fiber, Layer, Stream } from "effect";
import { TestClock } from "effect/testing";
import { Datagrams } from "../../src/services/Datagrams/Datagrams.ts";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import * as Dual from "../../src/services/Transport/dual.ts";
import { Transport } from "../../src/services/Transport/Transport.ts";
import * as Utp from "../../src/services/Transport/utp.ts";
import { makeClient, makeFixture, makeSeed, requestOf, watch } from "../support/swarm.ts";

const SEED = "10.0.0.1";
const fixture = makeFixture({ length: 200_000, pieceLength: 65_536 });

/** TCP, here the in-memory streams, and uTP. */
const dual = Layer.unwrap(
  Effect.map(Transport, (streams) => Dual.layer(Layer.succeed(Transport, streams), Layer.fresh(Utp.layer))),
).pipe(Layer.fresh);

/** Talks by uTP alone; by TCP it hangs up on everybody at once, as libtorrent does where that is switched off. */
const byUtpOnly = Layer.effect(
  Transport,
  Effect.gen(function* () {
    const streams = yield* Transport;
    const { addresses } = yield* Datagrams;
    const utp = Context.get(yield* Layer.build(Layer.fresh(Utp.layer)), Transport);
    const tcp = yield* Effect.orDie(streams.listen({ port: addresses[0]?.port ?? 0 }));
    yield* Effect.forkScoped(Stream.runForEach(tcp.incoming, ({ refuse }) => refuse));
    return utp;
  }),
).pipe(Layer.fresh);

describe("a peer that takes TCP only to hang up", () => {
  for (const encryption of ["allow", "prefer", "require", "off"] as const)
    it.effect(`is reached by uTP at once, with encryption ${encryption}`, () =>
      Effect.gen(function* () {
        const network = yield* Network.make({ latency: "10 millis" });
        yield* makeSeed(fixture, { network, address: SEED, transport: byUtpOnly }, { port: 0, noTrackers: true });
        const client = yield* makeClient({ network, address: "10.0.0.2", transport: dual });
        // The first port that the network gives out.
        const peers = [{ host: SEED, port: 49_153 }];
        const run = yield* watch(client, requestOf(fixture, { peers, noTrackers: true, encryption }));
        yield* TestClock.adjust("5 seconds");
        assert.deepStrictEqual(run.peer(SEED).slice(0, 1), ["connected"]);
        assert.isTrue(run.isComplete());
        yield* Fiber.interrupt(run.fiber);
      }).pipe(Effect.provide(MemoryTrackers.layer)),
    );
});
