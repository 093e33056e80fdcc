/**
 * uTP (BEP 29) over the shared UDP port: the `Transport` that gives way to all other traffic and gets through most NATs. Connections share the one
 * port, so that there is one listener per port and its number cannot be chosen here.
 *
 * Life cycle: leaving the scope of a connection sends a FIN, and what was sent before still arrives; leaving the layer drops everything.
 */
import * as Arr from "effect/Array";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Equal from "effect/Equal";
import * as Layer from "effect/Layer";
import * as NetAddress from "effect/net/NetAddress";
import type * as Scope from "effect/Scope";
import { TransportError, type TransportReason } from "../../schema/errors/TransportError.ts";
import { Datagrams } from "../Datagrams/Datagrams.ts";
import { makeArrivals } from "./arrivals.ts";
import { Transport } from "./Transport.ts";
import type { Connection, DialOptions, Listener, ListenOptions } from "./Transport.ts";
import { makeUtpEndpoint, type UtpEndpoint } from "./utp/endpoint.ts";
import type { UtpConnection } from "./utp/UtpConnection.ts";

const errorAt = (address: string, reason: TransportReason) => new TransportError({ address, reason });

/** Whether the port is bound to this very address. */
const isBound = (addresses: ReadonlyArray<NetAddress.InetAddress>, wanted: NetAddress.IpAddress): boolean =>
  addresses.some(({ address }) => Equal.equals(address, wanted));

const dial = (endpoint: UtpEndpoint, datagrams: Datagrams["Service"]) =>
  Effect.fnUntraced(function* (
    target: NetAddress.InetAddress,
    { timeout, from }: DialOptions,
  ): Effect.fn.Return<Connection, TransportError, Scope.Scope> {
    const remote = NetAddress.toCanonical(target);
    const address = NetAddress.formatInet(remote);
    if (from !== undefined && !NetAddress.isFamily(from, NetAddress.familyOf(remote)))
      return yield* errorAt(address, { _tag: "OtherFamily" });
    if (from !== undefined && !isBound(datagrams.addresses, from))
      return yield* errorAt(address, { _tag: "AddressNotAvailable" });
    const local = endpoint.localFor(remote);
    if (local === undefined) return yield* errorAt(address, { _tag: "Unreachable" });
    let dialled: UtpConnection | undefined;
    yield* Effect.addFinalizer(() => Effect.sync(() => dialled?.close()));
    const opening = Effect.callback<Connection, TransportError>((resume) => {
      const connection = endpoint.dial(local, remote, (error) =>
        resume(error === undefined ? Effect.succeed(connection.connection) : Effect.fail(error)),
      );
      dialled = connection;
      return Effect.sync(connection.close);
    });
    return yield* Effect.timeoutOrElse(opening, {
      duration: timeout,
      orElse: () => {
        const afterMillis = Duration.toMillis(Duration.fromInputUnsafe(timeout));
        return Effect.fail(errorAt(address, { _tag: "TimedOut", afterMillis }));
      },
    });
  });

const listen = (endpoint: UtpEndpoint, datagrams: Datagrams["Service"]) =>
  Effect.fnUntraced(function* (options: ListenOptions): Effect.fn.Return<Listener, TransportError, Scope.Scope> {
    const where =
      options.address === undefined
        ? `UDP port ${options.port}`
        : `${NetAddress.formatIp(options.address)} UDP port ${options.port}`;
    const { address } = options;
    const addresses = datagrams.addresses.filter(
      (own) => address === undefined || NetAddress.isUnspecified(address) || Equal.equals(own.address, address),
    );
    if (!Arr.isReadonlyArrayNonEmpty(addresses)) return yield* errorAt(where, { _tag: "AddressNotAvailable" });
    if (endpoint.isListening()) return yield* errorAt(where, { _tag: "AddressInUse" });
    if (options.port !== 0 && options.port !== addresses[0].port)
      return yield* errorAt(where, { _tag: "AddressNotAvailable" });

    const { arrive, incoming } = yield* makeArrivals<UtpConnection>({
      take: ({ close, connection }) => Effect.acquireRelease(Effect.succeed(connection), () => Effect.sync(close)),
      close: (arrival) => arrival.close(),
      // It is forgotten at once: what it says next is answered with a reset.
      turnAway: (arrival) => arrival.drop(),
    });
    yield* Effect.acquireRelease(
      Effect.sync(() => endpoint.listen((arrival) => arrive(arrival, arrival.remote))),
      () => Effect.sync(() => endpoint.listen(undefined)),
    );
    return { addresses, incoming };
  });

/** uTP over the shared UDP port. */
export const make = Effect.gen(function* () {
  const datagrams = yield* Datagrams;
  const endpoint = yield* makeUtpEndpoint;
  const dialUtp = dial(endpoint, datagrams);
  return Transport.of({ dial: dialUtp, dialUtp, listen: listen(endpoint, datagrams) });
});

/** uTP alone. */
export const layer: Layer.Layer<Transport, never, Datagrams> = Layer.effect(Transport, make);
