import { assert, describe, it } from "@effect/vitest";
import { Context, Effect, Fiber, Layer, References } from "effect";
import { NetAddress } from "effect/net";
import { TestClock } from "effect/testing";
import { makeRc4 } from "../../../src/schema/rc4.ts";
import * as MemoryNetwork from "../../../src/services/MemoryNetwork/MemoryNetwork.ts";
import { ciphered } from "../../../src/services/Transport/ciphered.ts";
import { wrapConnections } from "../../../src/services/Transport/middleware.ts";
import { withPrefix } from "../../../src/services/Transport/prefixed.ts";
import * as Tcp from "../../../src/services/Transport/tcp.ts";
import { type Connection, Transport } from "../../../src/services/Transport/Transport.ts";
import { connectionContract } from "./connectionContract.ts";
import { connect, numbers, pattern, pullAll, type World } from "./pair.ts";

/** Both ends behind the streams that a handshake would have left them with. */
const behindCiphers = wrapConnections((connection) => {
  const stream = (by: Connection["direction"]) => makeRc4(new TextEncoder().encode(by));
  const { direction } = connection;
  const other = direction === "incoming" ? "outgoing" : "incoming";
  return Effect.succeed(ciphered(connection, { incoming: stream(other), outgoing: stream(direction) }));
});

/** A transport that has put nothing back: what remains of a wrapper once the bytes are read. */
const behindPrefix = wrapConnections((connection) => Effect.succeed(withPrefix(connection, new Uint8Array(0))));

const transportOf = <E, R>(layer: Layer.Layer<Transport, E, R>) =>
  Effect.map(Layer.build(layer), (context) => Context.get(context, Transport));

const memory = (wrap: Layer.Layer<Transport, never, Transport>) =>
  Effect.gen(function* () {
    const network = yield* MemoryNetwork.make({ chunkBytes: 1_460, latency: "5 millis" });
    return {
      dialler: yield* transportOf(Layer.provide(wrap, network.host("10.0.0.1"))),
      listener: yield* transportOf(Layer.provide(wrap, network.host("10.0.0.2"))),
      at: (port) => NetAddress.inetAddressFromStringUnsafe(`10.0.0.2:${port}`),
    } satisfies World;
  });

const tcp = (wrap: Layer.Layer<Transport, never, Transport>) =>
  Effect.map(transportOf(Layer.provide(wrap, Tcp.layer)), (transport): World => ({
    dialler: transport,
    listener: transport,
    at: (port) => NetAddress.inetAddressFromStringUnsafe(`127.0.0.1:${port}`),
  }));

/** Moves the clock as long as `effect` runs, at most an hour. */
const driven = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true });
    for (let i = 0; i < 36_000 && fiber.pollUnsafe() === undefined; i++) yield* TestClock.adjust("100 millis");
    return yield* Fiber.join(fiber);
  });

for (const [name, wrap] of [
  ["a ciphered connection", behindCiphers],
  ["a connection with bytes put back", behindPrefix],
] as const) {
  describe(`${name} in memory`, () => {
    connectionContract(memory(wrap), (title, effect) => it.effect(title, () => driven(Effect.scoped(effect))));
  });
  describe(`${name} over TCP`, () => {
    connectionContract(tcp(wrap), (title, effect) => it.live(title, () => Effect.scoped(effect)));
  });
}

describe("a ciphered connection", () => {
  it.effect("keeps the order of the stream, whenever other fibers get their turn", () =>
    driven(
      Effect.forEach([20, 21, 22, 23, 50], (turn) =>
        Effect.gen(function* () {
          const { dialled, accepted } = yield* Effect.flatMap(memory(behindCiphers), connect);
          const times = 40;
          const repeat = (effect: Effect.Effect<unknown, unknown>) =>
            Effect.forkChild(Effect.forEach(Array.from({ length: times }), () => effect, { discard: true }));
          const sending = [
            yield* repeat(dialled.send([Uint8Array.of(1, 1), Uint8Array.of(1)])),
            yield* repeat(dialled.send([new Uint8Array(600).fill(2)])),
            yield* repeat(
              Effect.andThen(
                Effect.yieldNow,
                Effect.sync(() => dialled.sendUnsafe(Uint8Array.of(3))),
              ),
            ),
          ];
          const got = yield* accepted.read(times * 604);
          yield* Fiber.joinAll(sending);
          const count = (value: number) => got.reduce((sum, byte) => sum + Number(byte === value), 0);
          assert.deepStrictEqual([1, 2, 3].map(count), [3 * times, 600 * times, times]);
        }).pipe(Effect.provideService(References.MaxOpsBeforeYield, turn)),
      ),
    ),
  );

  it.effect("leaves what it is given to send as it was, and sends right when buffers are used again", () =>
    driven(
      Effect.gen(function* () {
        const { dialled, accepted } = yield* Effect.flatMap(memory(behindCiphers), connect);
        for (const length of [5_000, 70, 9_000, 9_000, 1]) {
          const given = pattern(length);
          yield* dialled.send([given]);
          assert.deepStrictEqual(given, pattern(length));
          assert.deepStrictEqual(yield* accepted.read(length), given);
        }
      }),
    ),
  );
});

describe("a connection with bytes put back", () => {
  const pair = Effect.flatMap(memory(Layer.effect(Transport, Transport)), connect);

  it.effect("gives them first, to read and to receive", () =>
    driven(
      Effect.gen(function* () {
        const { dialled, accepted, closeDialled } = yield* pair;
        dialled.sendUnsafe(Uint8Array.of(6, 7, 8));
        const put = withPrefix(accepted, Uint8Array.of(1, 2, 3, 4, 5));
        assert.deepStrictEqual([...(yield* put.read(2))], [1, 2]);
        const pull = yield* put.receive(numbers);
        assert.deepStrictEqual([...(yield* pull)], [3, 4, 5]);
        yield* closeDialled;
        assert.deepStrictEqual(yield* pullAll(pull), { all: [6, 7, 8], error: undefined });
      }),
    ),
  );

  it.effect("joins them to what comes after", () =>
    driven(
      Effect.gen(function* () {
        const { dialled, accepted } = yield* pair;
        dialled.sendUnsafe(Uint8Array.of(3, 4, 5));
        const put = withPrefix(accepted, Uint8Array.of(1, 2));
        assert.deepStrictEqual([...(yield* put.read(4))], [1, 2, 3, 4]);
        assert.deepStrictEqual([...(yield* put.read(1))], [5]);
      }),
    ),
  );

  it.effect("delivers what was in them before what their decoder failed with", () =>
    driven(
      Effect.gen(function* () {
        const { accepted } = yield* pair;
        const pull = yield* withPrefix(accepted, Uint8Array.of(1, 2)).receive((bytes, out: Array<number>) => {
          numbers(bytes, out);
          return "unlucky" as const;
        });
        assert.deepStrictEqual(yield* pullAll(pull), { all: [1, 2], error: "unlucky" });
      }),
    ),
  );

  it.effect("fails with the bytes still there when the end comes before enough", () =>
    driven(
      Effect.gen(function* () {
        const { accepted, closeDialled } = yield* pair;
        const put = withPrefix(accepted, Uint8Array.of(1, 2));
        yield* closeDialled;
        assert.strictEqual((yield* Effect.flip(put.read(3))).reason._tag, "Closed");
        assert.deepStrictEqual([...(yield* put.read(2))], [1, 2]);
      }),
    ),
  );
});
