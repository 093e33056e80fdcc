/** Opens connections between two transports for tests, and takes down what comes over them. */
import { assert } from "@effect/vitest";
import { Effect, Exit, Queue, Scope, Stream } from "effect";
import type { NetAddress } from "effect/net";
import type { Array as Arr, Cause, Pull } from "effect";
import { TransportError } from "../../../src/schema/errors/TransportError.ts";
import type { Connection, Listener, Transport } from "../../../src/services/Transport/Transport.ts";

/** Two transports, and how the first one reaches the second one's port. */
export interface World {
  readonly dialler: Transport["Service"];
  readonly listener: Transport["Service"];
  readonly at: (port: number) => NetAddress.InetAddress;
}

/** Both ends of an open connection, each closable by itself. */
export interface Pair {
  readonly dialled: Connection;
  readonly accepted: Connection;
  readonly closeDialled: Effect.Effect<void>;
  readonly closeAccepted: Effect.Effect<void>;
}

/** The arrivals of a listener, to be taken one by one. */
export const arrivalsOf = (listener: Listener) =>
  Effect.map(Stream.toQueue(listener.incoming, { capacity: "unbounded" }), (queue) => Queue.take(queue));

/** Runs `effect` in a scope of its own, and gives what closes it before the test ends. */
export const inOwnScope = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) =>
  Effect.gen(function* () {
    const scope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void));
    return [yield* Scope.provide(effect, scope), Scope.close(scope, Exit.void)] as const;
  });

/** Opens a connection from the dialler of `world` to its listener. */
export const connect = Effect.fnUntraced(function* (world: World) {
  const listener = yield* world.listener.listen({ port: 0 });
  const arrival = yield* arrivalsOf(listener);
  const [dialled, closeDialled] = yield* inOwnScope(
    world.dialler.dial(world.at(listener.addresses[0].port), { timeout: "10 seconds" }),
  );
  const [accepted, closeAccepted] = yield* inOwnScope(Effect.flatMap(arrival, (incoming) => incoming.accept));
  return { dialled, accepted, closeDialled, closeAccepted } satisfies Pair;
});

/** Bytes that differ from their neighbours, whatever `seed`. */
export const pattern = (length: number, seed = 1): Uint8Array => {
  const bytes = new Uint8Array(length);
  for (let i = 0, x = seed; i < length; i++) {
    x = (Math.imul(x, 1103515245) + 12345) & 0x7fffffff;
    bytes[i] = x >>> 16;
  }
  return bytes;
};

/** Decodes to copies of what was read. */
export const copies = (bytes: Uint8Array, out: Array<Uint8Array>): undefined => {
  out.push(bytes.slice());
};

/** Decodes to one number per byte. */
export const numbers = (bytes: Uint8Array, out: Array<number>): undefined => {
  for (const byte of bytes) out.push(byte);
};

/** Pulls until the end: all that came, and how it ended (`undefined`: cleanly). */
export const pullAll = <A, E>(pull: Pull.Pull<Arr.NonEmptyReadonlyArray<A>, E>) =>
  Effect.gen(function* () {
    const all: Array<A> = [];
    const end = yield* Effect.exit(Effect.forever(Effect.map(pull, (batch) => all.push(...batch))));
    assert.isTrue(Exit.isFailure(end));
    const failure = Exit.isFailure(end) ? end.cause.reasons.find((r) => r._tag === "Fail")?.error : undefined;
    return { all, error: isDone(failure) ? undefined : failure };
  });

const isDone = (u: unknown): u is Cause.Done => typeof u === "object" && u !== null && "_tag" in u && u._tag === "Done";

/** The tag of a transport error's reason. */
export const reasonOf = (error: unknown): string =>
  error instanceof TransportError ? error.reason._tag : String(error);

/** All chunks in one. */
export const joined = (chunks: ReadonlyArray<Uint8Array>): Uint8Array => Uint8Array.from(Buffer.concat(chunks));

/** Lets everything that is already under way happen: until `progress` stands still over many turns of the event loop. */
export const settle = (progress: () => unknown) =>
  Effect.gen(function* () {
    let last = progress();
    for (let still = 0; still < 50; still++) {
      yield* Effect.callback<void>((resume) => {
        setImmediate(() => resume(Effect.void));
      });
      if (progress() !== last) still = 0;
      last = progress();
    }
  });
