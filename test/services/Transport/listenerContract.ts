/** What dialling and listening owe on every `Transport`; run against TCP on loopback and the in-memory network. */
import { assert } from "@effect/vitest";
import { Effect } from "effect";
import type { Scope } from "effect";
import { NetAddress } from "effect/net";
import type { Incoming } from "../../../src/services/Transport/Transport.ts";
import { arrivalsOf, inOwnScope, numbers, reasonOf } from "./pair.ts";
import type { World } from "./pair.ts";

/** The tests; `test` runs one, `world` is made anew for each. */
export const listenerContract = (
  world: Effect.Effect<World, never, Scope.Scope>,
  test: (title: string, effect: Effect.Effect<void, unknown, Scope.Scope>) => void,
): void => {
  const listening = Effect.gen(function* () {
    const { dialler, listener, at } = yield* world;
    const bound = yield* listener.listen({ port: 0 });
    const port = bound.addresses[0].port;
    return {
      port,
      listener,
      arrival: yield* arrivalsOf(bound),
      dial: dialler.dial(at(port), { timeout: "10 seconds" }),
    };
  });

  test(
    "is refused where nobody listens, and again once a listener has gone",
    Effect.gen(function* () {
      const { dialler, listener, at } = yield* world;
      const port = yield* Effect.scoped(Effect.map(listener.listen({ port: 0 }), ({ addresses }) => addresses[0].port));
      const error = yield* Effect.flip(Effect.scoped(dialler.dial(at(port), { timeout: "10 seconds" })));
      assert.strictEqual(reasonOf(error), "Refused");
      assert.strictEqual(error.message, `${String(at(port))}: connection refused`);
    }),
  );

  test(
    "says that a port is taken",
    Effect.gen(function* () {
      const { listener, port } = yield* listening;
      const error = yield* Effect.flip(listener.listen({ port }));
      assert.strictEqual(error.code, "transport.address-in-use");
    }),
  );

  test(
    "says that an address is not its own, or of the other family",
    Effect.gen(function* () {
      const { dialler, listener, at } = yield* world;
      const foreign = NetAddress.ipFromStringUnsafe("192.0.2.1");
      assert.strictEqual(
        reasonOf(yield* Effect.flip(listener.listen({ port: 0, address: foreign }))),
        "AddressNotAvailable",
      );
      const dial = dialler.dial(at(9), { timeout: "10 seconds", from: foreign });
      assert.strictEqual(reasonOf(yield* Effect.flip(dial)), "AddressNotAvailable");
      const otherFamily = dialler.dial(at(9), { timeout: "10 seconds", from: NetAddress.ipv6Loopback });
      assert.strictEqual(reasonOf(yield* Effect.flip(otherFamily)), "OtherFamily");
    }),
  );

  test(
    "closes an arrival that is refused",
    Effect.gen(function* () {
      const { arrival, dial } = yield* listening;
      const connection = yield* dial;
      const incoming: Incoming = yield* arrival;
      assert.strictEqual(String(incoming.remote), String(connection.local));
      yield* incoming.refuse;
      assert.strictEqual(reasonOf(yield* Effect.flip(connection.read(1))), "Closed");
      assert.strictEqual(reasonOf(yield* Effect.flip(Effect.scoped(incoming.accept))), "Closed");
    }),
  );

  test(
    "closes the arrivals that nobody took with the listener",
    Effect.gen(function* () {
      const { dialler, listener, at } = yield* world;
      const [bound, stop] = yield* inOwnScope(listener.listen({ port: 0 }));
      const connection = yield* dialler.dial(at(bound.addresses[0].port), { timeout: "10 seconds" });
      const incoming = yield* Effect.flatMap(arrivalsOf(bound), (arrival) => arrival);
      yield* stop;
      assert.strictEqual(reasonOf(yield* Effect.flip(connection.read(1))), "Closed");
      assert.strictEqual(reasonOf(yield* Effect.flip(Effect.scoped(incoming.accept))), "Closed");
    }),
  );

  test(
    "keeps many connections apart",
    Effect.gen(function* () {
      const { arrival, dial } = yield* listening;
      const dialled = yield* Effect.replicateEffect(dial, 60, { concurrency: 20 });
      const accepted = yield* Effect.replicateEffect(
        Effect.flatMap(arrival, (incoming) => incoming.accept),
        60,
      );
      const pulls = yield* Effect.forEach(accepted, (connection) => connection.receive(numbers));
      for (const [index, connection] of dialled.entries()) connection.sendUnsafe(Uint8Array.of(index));
      const got = yield* Effect.forEach(pulls, (pull) => pull, { concurrency: "unbounded" });
      for (const [at, [number = 0]] of got.entries()) accepted[at]?.sendUnsafe(Uint8Array.of(number));
      const echoed = yield* Effect.forEach(dialled, (connection) => connection.read(1), { concurrency: "unbounded" });
      assert.deepStrictEqual(
        echoed.map(([number]) => number),
        Array.from(dialled.keys()),
      );
    }),
  );
};
