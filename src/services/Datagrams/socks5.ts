/**
 * The shared UDP port through a SOCKS5 proxy (RFC 1928 §7): every packet goes to the proxy's relay, which sends it on, and none is taken that does not come
 * from there. Names are resolved by the proxy. Nothing goes round it: while there is no relay, nothing is sent.
 *
 * Life cycle: the relay serves as long as the connection that it was asked for by; when that ends, another one is asked for, again and
 * again; meanwhile `UdpRelay` says why there is none.
 */
import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Layer from "effect/Layer";
import type * as Dns from "effect/net/Dns";
import * as Equal from "effect/Equal";
import * as NetAddress from "effect/net/NetAddress";
import * as Schedule from "effect/Schedule";
import * as Scope from "effect/Scope";
import type { TransportError } from "../../schema/errors/TransportError.ts";
import { formatHostPort } from "../../schema/hostPort.ts";
import { reach } from "../../schema/reach.ts";
import { decodeRelayed, type Destination, encodeRelayed, type Proxy } from "../../schema/socks5.ts";
import { type Agreed, makeThroughProxy, refused } from "../Transport/throughProxy.ts";
import { monotonicMillis } from "../time.ts";
import { type Connection, Transport } from "../Transport/Transport.ts";
import { DatagramError, Datagrams } from "./Datagrams.ts";
import { makeReceivers } from "./receivers.ts";
import { type RelayLoss, UdpRelay } from "./relay.ts";

/** A proxy that has not agreed within this time will not. */
const PATIENCE = "10 seconds";

/** Between two attempts to get a relay again: a proxy that restarts is back soon, one that is gone need not be asked all the time. */
const again = Schedule.min([Schedule.jittered(Schedule.exponential("1 second")), Schedule.spaced("1 minute")]);

/**
 * Where to send to, of what the proxy says. Many say zeros, or an address of their own network, and mean the one that we reach them at; who names no
 * port or a multicast group is not to be trusted with packets.
 */
const relayOf = ({ host, port }: Destination, proxy: NetAddress.IpAddress): NetAddress.InetAddress | undefined => {
  if (typeof host === "string" || port === 0 || NetAddress.isMulticast(host)) return undefined;
  const meant = NetAddress.isUnspecified(host) || reach(host) < reach(proxy) ? proxy : host;
  return NetAddress.toCanonical(NetAddress.inetAddressUnsafe(meant, port));
};

/** Waits for the end of a connection on which nothing is to be said any more. */
const ended = (connection: Connection): Effect.Effect<void> =>
  Effect.gen(function* () {
    const pull = yield* connection.receive<never, never>(() => undefined);
    return yield* Effect.forever(pull);
  }).pipe(Effect.ignore);

/** The shared port through `proxy`, over `transport` and the UDP of this machine; fails where the proxy does not relay UDP. */
export const layer = (
  proxy: Proxy,
  direct: { readonly transport: Layer.Layer<Transport>; readonly datagrams: Layer.Layer<Datagrams> },
): Layer.Layer<Datagrams, TransportError, Dns.Dns> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const clock = yield* Clock.Clock;
      const scope = yield* Effect.scope;
      const transport = Context.get(yield* Layer.build(Layer.fresh(direct.transport)), Transport);
      const wire = Context.get(yield* Layer.build(Layer.fresh(direct.datagrams)), Datagrams);
      const ask = yield* makeThroughProxy(proxy, transport);
      const name = formatHostPort(proxy);
      let relay: NetAddress.InetAddress | undefined;
      let lost: RelayLoss | undefined;
      const receivers = makeReceivers();
      const moved = new Set<() => void>();

      /** Gets a relay, and gives what waits for its end; the connection that it hangs on lives as long as `own`, which is closed then. */
      const associate = (own: Scope.Closeable): Effect.Effect<Effect.Effect<void>, TransportError> =>
        Effect.gen(function* () {
          const { bound, connection }: Agreed = yield* ask(
            name,
            { _tag: "RelayUdp" },
            { timeout: PATIENCE, silent: true },
          );
          relay = relayOf(bound, connection.remote.address);
          if (relay === undefined) return yield* refused(name, "the proxy names no address to send UDP to");
          lost = undefined;
          return Effect.andThen(ended(connection), Scope.close(own, Exit.void));
        }).pipe(
          Scope.provide(own),
          Effect.tapError(() => Scope.close(own, Exit.void)),
        );
      // The schedule never ends, so that no failure is left.
      const renew: Effect.Effect<Effect.Effect<void>> = Effect.flatMap(Scope.fork(scope), associate).pipe(
        Effect.tapError((error) => {
          if (lost !== undefined) lost = { ...lost, why: error.message };
          return Effect.logDebug("no relay for UDP", error);
        }),
        Effect.retry(again),
        Effect.orDie,
      );
      const keep = (end: Effect.Effect<void>): Effect.Effect<never> =>
        end.pipe(
          Effect.andThen(
            Effect.sync(() => {
              relay = undefined;
              lost = { proxy: name, since: monotonicMillis(clock), why: "the connection that it hung on has ended" };
              // The next one will have another address.
              for (const then of moved) then();
            }),
          ),
          Effect.andThen(renew),
          Effect.flatMap(keep),
        );

      yield* wire.receive((bytes, from) => {
        if (relay === undefined || !Equal.equals(from, relay)) return true;
        const relayed = decodeRelayed(bytes);
        if (relayed !== undefined) receivers.offer(relayed.payload, relayed.from);
        return true;
      });
      yield* Effect.forkScoped(keep(yield* Effect.flatMap(Scope.fork(scope), associate)));

      const send = (to: Destination, address: string, bytes: Uint8Array): Effect.Effect<void, DatagramError> =>
        Effect.suspend(() => {
          const fail = (cause: unknown) =>
            Effect.fail(new DatagramError({ address, reason: { _tag: "Unreachable", cause } }));
          if (relay === undefined) return fail(new Error("the proxy relays no UDP now"));
          return Effect.catch(wire.send(relay, encodeRelayed(to, bytes)), fail);
        });
      const destination = (to: NetAddress.InetAddress): Destination => ({ host: to.address, port: to.port });
      const datagrams = Datagrams.of({
        // No port, for nobody reaches us by one.
        addresses: wire.addresses.map(({ address }) => NetAddress.inetAddressUnsafe(address, 0)),
        send: (to, bytes) => send(destination(to), NetAddress.formatInet(to), bytes),
        sendNamed: (to, bytes) => send(to, formatHostPort(to), bytes),
        sendUnsafe: (to, bytes) => {
          if (relay !== undefined) wire.sendUnsafe(relay, encodeRelayed(destination(to), bytes));
        },
        receive: receivers.receive,
        onMoved: (then) =>
          Effect.acquireRelease(
            Effect.sync(() => void moved.add(then)),
            () => Effect.sync(() => moved.delete(then)),
          ),
      });
      return Context.make(Datagrams, datagrams).pipe(Context.add(UdpRelay, { lost: () => lost }));
    }),
  );
