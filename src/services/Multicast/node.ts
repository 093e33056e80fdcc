/**
 * Multicast over `node:dgram`: for each group one socket that hears it on all interfaces, and one per interface that speaks.
 *
 * Life cycle: nothing is opened before a group is joined; what was opened is closed with the scope of `join`.
 */
import * as Dgram from "node:dgram";
import { networkInterfaces } from "node:os";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as NetAddress from "effect/net/NetAddress";
import * as Option from "effect/Option";
import * as Result from "effect/Result";
import type * as Scope from "effect/Scope";
import { type Hear, Multicast, type Way } from "./Multicast.ts";

/** On which interface: the one with this address; absent: all but loopback. */
export interface MulticastOptions {
  readonly address?: NetAddress.IpAddress | undefined;
}

/** Opens a socket of the group's family; fails with the system's error. */
const open = (group: NetAddress.InetAddress, bind: Dgram.BindOptions) =>
  Effect.acquireRelease(
    Effect.callback<Dgram.Socket, unknown>((resume) => {
      const v6 = NetAddress.isInetAddressV6(group);
      const socket = Dgram.createSocket(
        v6 ? { type: "udp6", ipv6Only: true, reuseAddr: true } : { type: "udp4", reuseAddr: true },
      );
      const failed = (cause: unknown) => {
        socket.close();
        resume(Effect.fail(cause));
      };
      socket.once("error", failed);
      socket.bind(bind, () => {
        // Failures of packets come through the callbacks of `send`; what is left concerns none in particular.
        socket.off("error", failed).on("error", () => {});
        resume(Effect.succeed(socket));
      });
    }),
    (socket) => Effect.callback<void>((resume) => void socket.close(() => resume(Effect.void))),
  );

/** How the machine calls its interfaces where a group's family is spoken: one name each. */
const interfacesOf = (group: NetAddress.InetAddress, only: NetAddress.IpAddress | undefined): ReadonlyArray<string> => {
  const family = NetAddress.familyOf(group);
  const all = Object.entries(networkInterfaces()).flatMap(([name, infos = []]) => {
    const own = infos.filter((info) => info.family === family && (only !== undefined || !info.internal));
    const info = only === undefined ? own[0] : own.find(({ address }) => address === NetAddress.formatIp(only));
    if (info === undefined) return [];
    return [family === "IPv4" ? info.address : `::%${process.platform === "win32" ? info.scopeid : name}`];
  });
  return [...new Set(all)];
};

const scopeIds = () => NetAddress.scopeIdsFromInterfaces(Object.entries(networkInterfaces()));

/** The sender's address; none for a zone that has vanished meanwhile. */
const senderOf = ({ address, port }: Dgram.RemoteInfo): Option.Option<NetAddress.InetAddress> =>
  Result.getSuccess(
    address.includes("%")
      ? NetAddress.inetAddressFromHostString(address, port, scopeIds())
      : NetAddress.inetAddressFromIpString(address, port),
  );

const quietly = <A, R>(what: string, effect: Effect.Effect<A, unknown, R>): Effect.Effect<Option.Option<A>, never, R> =>
  effect.pipe(
    Effect.tapError((cause) => Effect.logDebug(`no multicast: ${what}`, cause)),
    Effect.option,
  );

/** The way through one interface. */
const wayThrough = (group: NetAddress.InetAddress, name: string): Effect.Effect<Way, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    // Bound to its own address where it has one, so that the packets bear it.
    const socket = yield* open(group, NetAddress.isInetAddressV4(group) ? { address: name, port: 0 } : { port: 0 });
    yield* Effect.try(() => socket.setMulticastInterface(name));
    return {
      group,
      send: (bytes) =>
        Effect.asVoid(
          quietly(
            `sending to ${NetAddress.formatInet(group)} through ${name}`,
            Effect.callback<void, Error>((resume) =>
              socket.send(bytes, group.port, NetAddress.formatHost(group), (cause) =>
                resume(cause === null ? Effect.void : Effect.fail(cause)),
              ),
            ),
          ),
        ),
    };
  });

/** All ways to one group; none without an interface, and none when it cannot be heard. */
const joinOne = (group: NetAddress.InetAddress, hear: Hear, only: NetAddress.IpAddress | undefined) =>
  Effect.gen(function* () {
    const names = interfacesOf(group, only);
    if (names.length === 0) return [];
    const host = NetAddress.formatHost(group);
    // Bound to the group, where the system lets us, a socket hears nothing that was sent to this machine alone.
    const address = process.platform === "win32" ? {} : { address: host };
    const listener = yield* quietly(`hearing ${host}`, open(group, { ...address, port: group.port }));
    if (Option.isNone(listener)) return [];
    listener.value.on("message", (bytes, info) => {
      const from = senderOf(info);
      if (Option.isSome(from)) hear(bytes, from.value);
    });
    const ways = yield* Effect.forEach(names, (name) =>
      Effect.gen(function* () {
        const joined = Effect.try(() => listener.value.addMembership(host, name));
        return Option.flatten(
          yield* quietly(
            `joining ${host} on ${name}`,
            Effect.andThen(joined, quietly(`speaking on ${name}`, wayThrough(group, name))),
          ),
        );
      }),
    );
    return ways.flatMap(Option.toArray);
  });

/** The machine's multicast. */
export const layer = (options: MulticastOptions = {}): Layer.Layer<Multicast> =>
  Layer.succeed(
    Multicast,
    Multicast.of({
      join: (groups, hear) =>
        Effect.map(
          Effect.forEach(groups, (group) => joinOne(group, hear, options.address)),
          (ways) => ways.flat(),
        ),
    }),
  );
