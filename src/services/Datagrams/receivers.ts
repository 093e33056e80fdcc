/** Who listens on one port: each packet is offered to them in the order they came, until one says that it was meant for it. */
import * as Effect from "effect/Effect";
import type * as NetAddress from "effect/net/NetAddress";
import type * as Scope from "effect/Scope";
import type { Receiver } from "./Datagrams.ts";

/** The receivers of one port. */
export interface Receivers {
  readonly offer: (bytes: Uint8Array, from: NetAddress.InetAddress) => void;
  /** Adds one until the scope ends. */
  readonly receive: (receiver: Receiver) => Effect.Effect<void, never, Scope.Scope>;
}

/** Nobody listens yet. */
export const makeReceivers = (): Receivers => {
  let receivers: ReadonlyArray<Receiver> = [];
  return {
    offer: (bytes, from) => void receivers.some((receiver) => receiver(bytes, from)),
    receive: (receiver) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          receivers = [...receivers, receiver];
        }),
        () =>
          Effect.sync(() => {
            receivers = receivers.filter((other) => other !== receiver);
          }),
      ),
  };
};
