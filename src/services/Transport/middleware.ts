/**
 * Transports that spoil another one, for tests: a slow reader, a link that corrupts, a connection that breaks off.
 * They wrap any transport and change nothing below it.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as NetAddress from "effect/net/NetAddress";
import type * as Scope from "effect/Scope";
import * as Stream from "effect/Stream";
import { TransportError } from "../../schema/errors/TransportError.ts";
import { Transport } from "./Transport.ts";
import type { Connection, Dial, Incoming } from "./Transport.ts";

/** Makes one connection out of another. */
export type Wrap = (connection: Connection) => Effect.Effect<Connection, never, Scope.Scope>;

/** Wraps all connections, dialled and accepted, of the transport below. */
export const wrapConnections = (wrap: Wrap): Layer.Layer<Transport, never, Transport> =>
  Layer.effect(
    Transport,
    Effect.map(Transport, ({ dial, dialTcp, dialUtp, listen }) => {
      const wrapped =
        (below: Dial): Dial =>
        (...given) =>
          Effect.flatMap(below(...given), wrap);
      return {
        dial: wrapped(dial),
        ...(dialTcp !== undefined && { dialTcp: wrapped(dialTcp) }),
        ...(dialUtp !== undefined && { dialUtp: wrapped(dialUtp) }),
        listen: (options) =>
          Effect.map(listen(options), (listener) => ({
            addresses: listener.addresses,
            incoming: Stream.map(listener.incoming, (incoming): Incoming => ({
              ...incoming,
              accept: Effect.flatMap(incoming.accept, wrap),
            })),
          })),
      };
    }),
  );

/** Receives at most `bytesPerSecond`, by waiting after each read and pull. */
export const slowed = (bytesPerSecond: number): Layer.Layer<Transport, never, Transport> =>
  wrapConnections((connection) =>
    Effect.map(Clock.Clock, (clock): Connection => {
      let freeAt = 0;
      const count = (bytes: number): void => {
        freeAt = Math.max(freeAt, clock.currentTimeMillisUnsafe()) + (bytes * 1000) / bytesPerSecond;
      };
      const pause = Effect.suspend(() => Effect.sleep(Math.max(0, freeAt - clock.currentTimeMillisUnsafe())));
      return {
        ...connection,
        read: (length) =>
          Effect.tap(connection.read(length), () => {
            count(length);
            return pause;
          }),
        receive: (decode) =>
          Effect.map(
            connection.receive((bytes: Uint8Array, out: Parameters<typeof decode>[1]) => {
              count(bytes.length);
              return decode(bytes, out);
            }),
            (pull) => Effect.tap(pull, () => pause),
          ),
      };
    }),
  );

/** Flips all bits of one received byte: that at `first`, counted over the connection, and from there every `every`th. */
export const corrupted = (options: {
  readonly first: number;
  readonly every: number;
}): Layer.Layer<Transport, never, Transport> =>
  wrapConnections((connection) =>
    Effect.sync((): Connection => {
      let next = options.first;
      let passed = 0;
      const corrupt = (bytes: Uint8Array): Uint8Array => {
        for (; next < passed + bytes.length; next += options.every) {
          const index = next - passed;
          bytes[index] = ~(bytes[index] ?? 0);
        }
        passed += bytes.length;
        return bytes;
      };
      return {
        ...connection,
        read: (length) => Effect.map(connection.read(length), corrupt),
        receive: (decode) =>
          connection.receive((bytes: Uint8Array, out: Parameters<typeof decode>[1]) => decode(corrupt(bytes), out)),
      };
    }),
  );

/** Breaks each connection off with a reset once `bytes` bytes have been received on it. */
export const droppedAfter = (bytes: number): Layer.Layer<Transport, never, Transport> =>
  wrapConnections((connection) =>
    Effect.sync((): Connection => {
      let left = bytes;
      const error = new TransportError({
        address: NetAddress.formatInet(connection.remote),
        reason: { _tag: "Reset" },
      });
      const unlessDropped = <A>(effect: Effect.Effect<A, TransportError>): Effect.Effect<A, TransportError> =>
        Effect.suspend(() => (left > 0 ? effect : Effect.fail(error)));
      return {
        ...connection,
        read: (length) =>
          Effect.suspend(() => {
            left -= length;
            return unlessDropped(connection.read(length));
          }),
        receive: <A, E>(decode: (chunk: Uint8Array, out: Array<A>) => E | undefined) =>
          connection.receive<A, E | TransportError>((chunk, out) => {
            const passed = chunk.subarray(0, Math.max(0, left));
            left -= chunk.length;
            return (passed.length > 0 ? decode(passed, out) : undefined) ?? (left > 0 ? undefined : error);
          }),
        sendUnsafe: (chunk) => left > 0 && connection.sendUnsafe(chunk),
        drained: unlessDropped(connection.drained),
        send: (chunks) => unlessDropped(connection.send(chunks)),
      };
    }),
  );
