import { assert, describe, it } from "@effect/vitest";
import { Context, Effect, Exit, Fiber, Layer, Scope, Stream } from "effect";
import { NetAddress } from "effect/net";
import { Datagrams } from "../../../src/services/Datagrams/Datagrams.ts";
import type { LinkOptions } from "../../../src/services/MemoryNetwork/link.ts";
import * as MemoryNetwork from "../../../src/services/MemoryNetwork/MemoryNetwork.ts";
import * as Dual from "../../../src/services/Transport/dual.ts";
import { Transport } from "../../../src/services/Transport/Transport.ts";
import * as Utp from "../../../src/services/Transport/utp.ts";
import { connectionContract } from "./connectionContract.ts";
import { driven, drivenTest as test } from "./driven.ts";
import { listenerContract } from "./listenerContract.ts";
import { arrivalsOf, reasonOf, type World } from "./pair.ts";

/** All three transports of one host; TCP's part is the in-memory network's streams. */
const hostOf = (network: MemoryNetwork.MemoryNetwork, address: string) =>
  Effect.gen(function* () {
    const host = yield* Layer.build(network.host(address));
    const datagrams = Context.get(host, Datagrams);
    const streams = Context.get(host, Transport);
    const build = (layer: Layer.Layer<Transport, never, Datagrams>) =>
      Effect.map(Layer.build(Layer.fresh(layer).pipe(Layer.provide(Layer.succeed(Datagrams, datagrams)))), (context) =>
        Context.get(context, Transport),
      );
    return {
      udpPort: datagrams.addresses[0]?.port ?? 0,
      streams,
      utp: build(Utp.layer),
      dual: build(Dual.layer(Layer.succeed(Transport, streams), Utp.layer)),
    };
  });

const world = (options: LinkOptions) =>
  Effect.gen(function* () {
    const network = yield* MemoryNetwork.make(options);
    const one = yield* hostOf(network, "10.0.0.1");
    const other = yield* hostOf(network, "10.0.0.2");
    const at = (port: number) => NetAddress.inetAddressFromStringUnsafe(`10.0.0.2:${port}`);
    return { network, one, other, at };
  });

const PATIENT = { timeout: "10 seconds" } as const;

/** Opens a connection, says how, and closes it. */
const kindOf = (transport: Transport["Service"], address: NetAddress.InetAddress) =>
  Effect.scoped(Effect.map(transport.dial(address, PATIENT), ({ kind }) => kind));

describe("TCP and uTP together", () => {
  const both = Effect.gen(function* () {
    const { one, other, at } = yield* world({});
    return { dialler: yield* one.dual, listener: yield* other.dual, at } satisfies World;
  });
  for (const contract of [connectionContract, listenerContract])
    contract(both, (title, effect) => it.effect(title, () => driven(Effect.scoped(effect))));

  test(
    "listens on one number for both, and hands out what arrives by either",
    Effect.gen(function* () {
      const { one, other, at } = yield* world({});
      const listener = yield* (yield* other.dual).listen({ port: 0 });
      const { port } = listener.addresses[0];
      assert.strictEqual(port, other.udpPort);
      const arrival = yield* arrivalsOf(listener);
      for (const dialler of [one.streams, yield* one.utp]) {
        const dialled = yield* dialler.dial(at(port), PATIENT);
        const accepted = yield* Effect.flatMap(arrival, ({ accept }) => accept);
        assert.strictEqual(accepted.kind, dialled.kind);
      }
    }),
  );

  test(
    "listens by TCP alone where another download has the UDP port already",
    Effect.gen(function* () {
      const { one, other, at } = yield* world({});
      const transport = yield* other.dual;
      const first = yield* transport.listen({ port: 0 });
      const second = yield* transport.listen({ port: 0 });
      assert.notStrictEqual(second.addresses[0].port, first.addresses[0].port);
      assert.strictEqual(yield* kindOf(yield* one.dual, at(second.addresses[0].port)), "memory");
    }),
  );

  test(
    "prefers TCP where both answer",
    Effect.gen(function* () {
      const { one, other, at } = yield* world({ latency: "100 millis" });
      const listener = yield* (yield* other.dual).listen({ port: 0 });
      assert.strictEqual(yield* kindOf(yield* one.dual, at(listener.addresses[0].port)), "memory");
    }),
  );

  test(
    "falls back to uTP as soon as TCP is refused",
    Effect.gen(function* () {
      const { one, other, at } = yield* world({ latency: "20 millis" });
      yield* (yield* other.utp).listen({ port: 0 });
      const dialler = yield* one.dual;
      const before = yield* Effect.clockWith((clock) => clock.currentTimeMillis);
      assert.strictEqual(yield* kindOf(dialler, at(other.udpPort)), "utp");
      const after = yield* Effect.clockWith((clock) => clock.currentTimeMillis);
      assert.isBelow(after - before, 300);
    }),
  );

  test(
    "dials by one of them alone where it is told to, with no help of the other",
    Effect.gen(function* () {
      const { one, other, at } = yield* world({});
      const dialler = yield* one.dual;
      const by = (dial: Transport["Service"]["dialUtp"]) =>
        dial === undefined
          ? Effect.die("no such dial")
          : Effect.scoped(dial(at(other.udpPort), { timeout: "1 second" }));
      yield* (yield* other.utp).listen({ port: 0 });
      assert.strictEqual((yield* by(dialler.dialUtp)).kind, "utp");
      assert.strictEqual(reasonOf(yield* Effect.flip(by(dialler.dialTcp))), "Refused");
      const { incoming } = yield* other.streams.listen({ port: other.udpPort });
      yield* Effect.forkScoped(Stream.runDrain(incoming));
      assert.strictEqual((yield* by(dialler.dialTcp)).kind, "memory");
      assert.strictEqual((yield* by(dialler.dialUtp)).kind, "utp");
    }),
  );

  test(
    "fails as TCP did when neither answers",
    Effect.gen(function* () {
      const { one, at } = yield* world({});
      const error = yield* Effect.flip(Effect.scoped((yield* one.dual).dial(at(9), PATIENT)));
      assert.strictEqual(reasonOf(error), "Refused");
    }),
  );

  test(
    "gives up soon on silence by uTP once TCP was refused, else after the whole time",
    Effect.gen(function* () {
      const { network, one, at } = yield* world({ loss: 1 });
      const dialler = yield* one.dual;
      const seconds = (effect: Effect.Effect<unknown, unknown>) =>
        Effect.gen(function* () {
          const before = yield* Effect.clockWith((clock) => clock.currentTimeMillis);
          yield* Effect.exit(effect);
          return Math.round(((yield* Effect.clockWith((clock) => clock.currentTimeMillis)) - before) / 1000);
        });
      const dial = Effect.scoped(dialler.dial(at(9), PATIENT));
      assert.strictEqual(yield* seconds(dial), 3);
      yield* network.cut("10.0.0.1", "10.0.0.2");
      assert.strictEqual(yield* seconds(dial), 10);
    }),
  );

  test(
    "leaves nothing behind when a dial is interrupted",
    Effect.gen(function* () {
      const { network, one, other, at } = yield* world({ latency: "200 millis" });
      const listener = yield* (yield* other.dual).listen({ port: 0 });
      const arrival = yield* arrivalsOf(listener);
      const scope = yield* Scope.make();
      const dialling = yield* Effect.forkChild(
        Scope.provide((yield* one.dual).dial(at(listener.addresses[0].port), PATIENT), scope),
      );
      yield* Effect.sleep("250 millis");
      yield* Fiber.interrupt(dialling);
      yield* Scope.close(scope, Exit.void);
      const accepted = yield* Effect.scoped(
        Effect.gen(function* () {
          const incoming = yield* arrival;
          return yield* Effect.exit(Effect.flatMap(incoming.accept, (connection) => connection.read(1)));
        }),
      );
      assert.isTrue(Exit.isFailure(accepted));
      yield* network.reset("10.0.0.1", "10.0.0.2");
    }),
  );
});
