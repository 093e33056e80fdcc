/** Peers that take connections by one of TCP and uTP only to hang up, as libtorrent does by what is switched off. */
import { assert, describe, it } from "@effect/vitest";
import { Context, type Duration, Effect, Fiber, Layer, Stream } from "effect";
import { TestClock } from "effect/testing";
import { Datagrams } from "../../src/services/Datagrams/Datagrams.ts";
import * as Network from "../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { MemoryTrackers } from "../../src/services/Tracker/memory.ts";
import * as Dual from "../../src/services/Transport/dual.ts";
import { type Listener, Transport } from "../../src/services/Transport/Transport.ts";
import * as Utp from "../../src/services/Transport/utp.ts";
import type { EncryptionPolicy } from "../../src/streams/encryption.ts";
import { makeClient, makeFixture, makeSeed, requestOf, watch } from "../support/swarm.ts";

const POLICIES: ReadonlyArray<EncryptionPolicy> = ["allow", "prefer", "require", "off"];
const SEED = "10.0.0.1";
/** The first port that the network gives out. */
const PORT = 49_153;
const fixture = makeFixture({ length: 200_000, pieceLength: 65_536 });

type Kind = "tcp" | "utp";

/** Connects only after a while. */
const delayed = (transport: Transport["Service"], delay: Duration.Input): Transport["Service"] => {
  const dial: Transport["Service"]["dial"] = (...given) => Effect.delay(transport.dial(...given), delay);
  return { ...transport, dial, ...(transport.dialUtp !== undefined && { dialUtp: dial }) };
};

/** TCP, here the in-memory streams, and uTP; either may be slow to connect. */
const dual = (delays: Partial<Record<Kind, Duration.Input>> = {}) =>
  Layer.unwrap(
    Effect.map(Transport, (streams) =>
      Dual.layer(
        Layer.succeed(Transport, delayed(streams, delays.tcp ?? 0)),
        Layer.effect(
          Transport,
          Effect.map(Utp.make, (utp) => delayed(utp, delays.utp ?? 0)),
        ),
      ),
    ),
  ).pipe(Layer.fresh);

/** Hangs up by each of `kinds` on everybody at once, and talks by the other if there is one; counts those who came to be hung up on. */
const hangingUp = (kinds: ReadonlyArray<Kind>) => {
  const came = { tcp: 0, utp: 0 };
  const layer = Layer.effect(
    Transport,
    Effect.gen(function* () {
      const streams = yield* Transport;
      const udpPort = (yield* Datagrams).addresses[0]?.port ?? 0;
      const utp = Context.get(yield* Layer.build(Layer.fresh(Utp.layer)), Transport);
      const hangUp = (kind: Kind, { incoming }: Listener) =>
        Effect.forkScoped(
          Stream.runForEach(incoming, ({ refuse }) => {
            came[kind]++;
            return refuse;
          }),
        );
      if (kinds.includes("tcp")) yield* hangUp("tcp", yield* Effect.orDie(streams.listen({ port: udpPort })));
      if (kinds.includes("utp")) yield* hangUp("utp", yield* Effect.orDie(utp.listen({ port: 0 })));
      return kinds.includes("utp") ? streams : utp;
    }),
  ).pipe(Layer.fresh);
  return { layer, came };
};

/** A download from one who hangs up by `kinds`, as it stands after `time`. */
const meeting = (options: {
  readonly kinds: ReadonlyArray<Kind>;
  readonly delays?: Partial<Record<Kind, Duration.Input>>;
  readonly ours: EncryptionPolicy;
  readonly theirs?: EncryptionPolicy;
  readonly time: Duration.Input;
}) =>
  Effect.gen(function* () {
    const network = yield* Network.make({ latency: "10 millis" });
    const { came, layer } = hangingUp(options.kinds);
    const port = options.kinds.includes("utp") ? PORT : 0;
    const seed = { port, noTrackers: true, encryption: options.theirs ?? "allow" };
    yield* makeSeed(fixture, { network, address: SEED, transport: layer }, seed);
    const client = yield* makeClient({ network, address: "10.0.0.2", transport: dual(options.delays) });
    const peers = [{ host: SEED, port: PORT }];
    const run = yield* watch(client, requestOf(fixture, { peers, noTrackers: true, encryption: options.ours }));
    yield* TestClock.adjust(options.time);
    yield* Fiber.interrupt(run.fiber);
    return { came, run };
  }).pipe(Effect.provide(MemoryTrackers.layer));

for (const [kind, other] of [
  ["tcp", "utp"],
  ["utp", "tcp"],
] as const)
  describe(`a peer that takes ${kind} only to hang up`, () => {
    for (const ours of POLICIES)
      for (const theirs of POLICIES.filter((policy) => [ours, policy].sort().join(" ") !== "off require"))
        it.effect(
          `is reached by ${other} at once, however slow, when one has ${ours} and dials one that has ${theirs}`,
          () =>
            Effect.gen(function* () {
              const { came, run } = yield* meeting({
                kinds: [kind],
                delays: { [other]: "1 second" },
                ours,
                theirs,
                time: "5 seconds",
              });
              assert.deepStrictEqual(run.peer(SEED).slice(0, 1), ["connected"]);
              assert.isTrue(run.isComplete());
              assert.isAtMost(came[kind], 2);
              assert.isAtLeast(came[kind], 1);
            }),
        );
  });

describe("a peer that hangs up whichever way it is dialled", () => {
  for (const [ours, ways] of [
    ["allow", 2],
    ["prefer", 2],
    ["require", 1],
    ["off", 1],
  ] as const)
    it.effect(`is dialled by each way once, and given one failure, with encryption ${ours}`, () =>
      Effect.gen(function* () {
        const { came, run } = yield* meeting({ kinds: ["tcp", "utp"], ours, time: "10 seconds" });
        assert.deepStrictEqual(came, { tcp: ways, utp: ways });
        assert.deepStrictEqual(run.peer(SEED), ["transport.closed"]);
      }),
    );
});

describe("peers that have TCP alone and hang up", () => {
  it.effect("do not hold up the others: a hundred are done with in 20 seconds", () =>
    Effect.gen(function* () {
      const network = yield* Network.make({ latency: "10 millis" });
      const full = Array.from({ length: 100 }, (_, at) => `10.0.1.${at + 1}`);
      for (const address of full) {
        const { listen } = Context.get(yield* Layer.build(Layer.fresh(network.host(address))), Transport);
        const { incoming } = yield* Effect.orDie(listen({ port: PORT }));
        yield* Effect.forkScoped(Stream.runForEach(incoming, ({ refuse }) => refuse));
      }
      const client = yield* makeClient({ network, address: "10.0.0.2", transport: dual() });
      const peers = full.map((host) => ({ host, port: PORT }));
      const run = yield* watch(client, requestOf(fixture, { peers, noTrackers: true }));
      yield* TestClock.adjust("20 seconds");
      yield* Fiber.interrupt(run.fiber);
      for (const address of full) assert.deepStrictEqual(run.peer(address), ["transport.closed"]);
    }).pipe(Effect.provide(MemoryTrackers.layer)),
  );
});
