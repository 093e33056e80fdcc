/**
 * The `Transport` of one host of the in-memory network: dials the other hosts, listens for them. Built by
 * `MemoryNetwork.host`; it has TCP's outcomes (refused, unreachable, timed out, reset) without a socket.
 */
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Equal from "effect/Equal";
import * as Arr from "effect/Array";
import * as NetAddress from "effect/net/NetAddress";
import type * as Scope from "effect/Scope";
import { TransportError } from "../../schema/errors/TransportError.ts";
import type { TransportReason } from "../../schema/errors/TransportError.ts";
import { hasAddress } from "../MemoryNetwork/host.ts";
import type { Host, Wires } from "../MemoryNetwork/host.ts";
import { makeStream } from "../MemoryNetwork/stream.ts";
import type { End } from "../MemoryNetwork/stream.ts";
import { makeArrivals } from "./arrivals.ts";
import type { Connection, DialOptions, Listener, ListenOptions, Transport } from "./Transport.ts";

const errorAt = (address: string, reason: TransportReason) => new TransportError({ address, reason });

const dial = (wires: Wires, host: Host) =>
  Effect.fnUntraced(function* (
    target: NetAddress.InetAddress,
    { timeout, from }: DialOptions,
  ): Effect.fn.Return<Connection, TransportError, Scope.Scope> {
    const remote = NetAddress.toCanonical(target);
    const address = NetAddress.formatInet(remote);
    const family = NetAddress.familyOf(remote);
    if (from !== undefined && !NetAddress.isFamily(from, family))
      return yield* errorAt(address, { _tag: "OtherFamily" });
    if (from !== undefined && !hasAddress(host, from)) return yield* errorAt(address, { _tag: "AddressNotAvailable" });
    const own =
      from ??
      (NetAddress.isLoopback(remote.address)
        ? remote.address
        : host.addresses.find((candidate) => NetAddress.isFamily(candidate, family)));
    const other = wires.find(remote.address, host);
    if (own === undefined || other === undefined) return yield* errorAt(address, { _tag: "Unreachable" });
    const { forth, back } = wires.paths(host, other);
    const local = NetAddress.inetAddressUnsafe(own, host.freePort());

    let end: End | undefined;
    let abandoned = false;
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        abandoned = true;
        end?.close();
        if (end !== undefined) host.streams.delete(end);
      }),
    );
    const connecting = Effect.callback<End, TransportError>((resume) => {
      forth.carry(0, () => {
        if (abandoned) return;
        const listening = other.listening.get(remote.port);
        if (
          listening === undefined ||
          !(listening.address === undefined || Equal.equals(listening.address, remote.address))
        ) {
          back.carry(0, () => resume(Effect.fail(errorAt(address, { _tag: "Refused" }))));
          return;
        }
        const opened = makeStream(wires.timeline, { dialler: local, dialled: remote, forth, back });
        end = opened.dialler;
        host.streams.set(opened.dialler, other);
        listening.arrive(opened.dialled);
        back.carry(0, () => resume(Effect.succeed(opened.dialler)));
      });
      return Effect.sync(() => {
        abandoned = true;
        end?.close();
      });
    });
    const opened = yield* Effect.timeoutOrElse(connecting, {
      duration: timeout,
      orElse: () => {
        const afterMillis = Duration.toMillis(Duration.fromInputUnsafe(timeout));
        return Effect.fail(errorAt(address, { _tag: "TimedOut", afterMillis }));
      },
    });
    return opened.connection;
  });

const listen = (host: Host) =>
  Effect.fnUntraced(function* (options: ListenOptions): Effect.fn.Return<Listener, TransportError, Scope.Scope> {
    const address =
      options.address === undefined || NetAddress.isUnspecified(options.address) ? undefined : options.address;
    const where =
      address === undefined ? `port ${options.port}` : `${NetAddress.formatIp(address)} port ${options.port}`;
    if (address !== undefined && !hasAddress(host, address))
      return yield* errorAt(where, { _tag: "AddressNotAvailable" });
    if (host.listening.has(options.port)) return yield* errorAt(where, { _tag: "AddressInUse" });
    const port = options.port === 0 ? host.freePort() : options.port;

    const { arrive, incoming } = yield* makeArrivals<End>({
      take: ({ close, connection }) => Effect.acquireRelease(Effect.succeed(connection), () => Effect.sync(close)),
      close: (end) => end.close(),
    });
    yield* Effect.acquireRelease(
      Effect.sync(() => host.listening.set(port, { address, arrive: (end) => arrive(end, end.connection.remote) })),
      () => Effect.sync(() => host.listening.delete(port)),
    );
    const own = address === undefined ? host.addresses : [address];
    const addresses = own.map((ip) => NetAddress.inetAddressUnsafe(ip, port));
    return Arr.isReadonlyArrayNonEmpty(addresses)
      ? { addresses, incoming }
      : yield* errorAt(where, { _tag: "AddressNotAvailable" });
  });

/** The transport of `host` over `wires`. */
export const makeMemoryTransport = (wires: Wires, host: Host): Transport["Service"] => ({
  dial: dial(wires, host),
  listen: listen(host),
});
