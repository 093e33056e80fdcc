/**
 * The shared UDP port over `node:dgram`: one socket per address family, on the same port where that can be had.
 *
 * Life cycle: both sockets are bound when the layer is built (about a millisecond) and closed with it. A family that the machine
 * lacks has no socket; a port that is taken is replaced by any free one, for a tracker must be reached all the same.
 */
import * as Dgram from "node:dgram";
import { networkInterfaces } from "node:os";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as NetAddress from "effect/net/NetAddress";
import * as Option from "effect/Option";
import type * as Scope from "effect/Scope";
import { DatagramError, Datagrams, type DatagramReason } from "./Datagrams.ts";
import { makeReceivers } from "./receivers.ts";
import { systemCode } from "../systemCode.ts";

/** Which port to bind, and to which of the machine's addresses. */
export interface DatagramOptions {
  /** 0: any free one. */
  readonly port: number;
  /** Absent: all addresses of both families. */
  readonly address?: NetAddress.IpAddress | undefined;
}

const reasonOf = (cause: unknown, length: number): DatagramReason => {
  switch (systemCode(cause)) {
    case "EMSGSIZE":
      return { _tag: "TooLarge", length };
    case "ENETUNREACH":
    case "EHOSTUNREACH":
    case "ENETDOWN":
    case "EHOSTDOWN":
    case "ECONNREFUSED":
    case "EADDRNOTAVAIL":
      return { _tag: "Unreachable", cause };
    default:
      return { _tag: "Other", cause };
  }
};

/** The numbers of the named zones that link-local addresses carry. */
const scopeIds = () => NetAddress.scopeIdsFromInterfaces(Object.entries(networkInterfaces()));

/** Socket buffers, in bytes; the system may give less. With its default a burst of a hundred full packets is lost here already. */
const SOCKET_BUFFER_BYTES = 1_048_576;
/** Senders whose parsed address is remembered, for a busy one sends tens of thousands of packets a second. */
const MAX_SENDERS = 1_024;

const parseSender = ({ address, port }: Dgram.RemoteInfo): NetAddress.InetAddress | undefined => {
  if (!address.includes("%")) return NetAddress.inetAddressFromNativeUnsafe(address, port);
  try {
    return NetAddress.inetAddressFromNativeUnsafe(address, port, scopeIds());
  } catch {
    // the interface went away between the packet and now: there is nobody to answer
    return undefined;
  }
};

/** The sender's address, the same object while it is remembered; undefined for a zone that has vanished meanwhile. */
const makeSenders = () => {
  const senders = new Map<string, NetAddress.InetAddress>();
  return (info: Dgram.RemoteInfo): NetAddress.InetAddress | undefined => {
    const key = `${info.address} ${info.port}`;
    const known = senders.get(key);
    if (known !== undefined) return known;
    const sender = parseSender(info);
    if (senders.size >= MAX_SENDERS) senders.clear();
    if (sender !== undefined) senders.set(key, sender);
    return sender;
  };
};

/** The text of an address for the system, remembered as long as the address. */
const makeHosts = () => {
  const hosts = new WeakMap<NetAddress.InetAddress, string>();
  return (address: NetAddress.InetAddress): string => {
    const known = hosts.get(address);
    if (known !== undefined) return known;
    const host = NetAddress.formatHost(address);
    hosts.set(address, host);
    return host;
  };
};

/** Addresses are numeric: asking the resolver would cost each packet a turn of the event loop. */
const numeric = (family: number) => (host: string, _options: unknown, done: (...found: LookupResult) => void) =>
  done(null, host, family);
type LookupResult = [error: null, address: string, family: number];

/** Binds one socket; fails with the system's error. */
const bind = (address: NetAddress.IpAddress, port: number): Effect.Effect<Dgram.Socket, unknown, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Dgram.Socket, unknown>((resume) => {
      const v6 = NetAddress.isIpv6Address(address);
      const socket = Dgram.createSocket({
        ...(v6 ? { type: "udp6", ipv6Only: true } : { type: "udp4" }),
        lookup: numeric(v6 ? 6 : 4),
        recvBufferSize: SOCKET_BUFFER_BYTES,
        sendBufferSize: SOCKET_BUFFER_BYTES,
      });
      const failed = (cause: unknown) => {
        socket.close();
        resume(Effect.fail(cause));
      };
      socket.once("error", failed);
      socket.bind({ address: NetAddress.formatIp(address), port }, () => {
        // failures of packets come through the callbacks of `send`; what is left concerns none in particular
        socket.off("error", failed).on("error", () => {});
        resume(Effect.succeed(socket));
      });
    }),
    (socket) => Effect.callback<void>((resume) => void socket.close(() => resume(Effect.void))),
  );

/** The socket for one family, on any free port if that one is taken; none where the machine lacks the family. */
const bindFamily = (address: NetAddress.IpAddress, port: number) =>
  bind(address, port).pipe(
    Effect.catchIf(
      (cause) => port !== 0 && ["EADDRINUSE", "EACCES"].includes(systemCode(cause)),
      // Whoever listens tells people of it: as a rule the TCP port of this number is taken, too.
      () => Effect.andThen(Effect.logInfo(`UDP port ${port} is taken, using another one`), bind(address, 0)),
    ),
    Effect.tapError((cause) => Effect.logDebug(`no UDP on ${NetAddress.formatIp(address)}`, cause)),
    Effect.option,
  );

/** A packet that nobody waits for was lost: with a callback the error is not thrown. */
const ignore = (): void => {};

/** Binds the sockets for as long as the scope lives. */
const make = Effect.fnUntraced(function* (options: DatagramOptions) {
  const wanted =
    options.address === undefined ? [NetAddress.ipv4Unspecified, NetAddress.ipv6Unspecified] : [options.address];
  const sockets = new Map<NetAddress.IpFamily, Dgram.Socket>();
  let { port } = options;
  for (const address of wanted) {
    const socket = yield* bindFamily(address, port);
    if (Option.isNone(socket)) continue;
    sockets.set(NetAddress.familyOf(address), socket.value);
    port = socket.value.address().port;
  }

  const senderOf = makeSenders();
  const hostOf = makeHosts();
  const receivers = makeReceivers();
  for (const socket of sockets.values()) {
    socket.on("message", (bytes, info) => {
      // Anybody can forge port 0, and nothing can be sent there: Node throws where that is tried.
      const from = info.port === 0 ? undefined : senderOf(info);
      if (from !== undefined) receivers.offer(bytes, from);
    });
  }

  return Datagrams.of({
    addresses: [...sockets.values()].map((socket) => {
      const bound = socket.address();
      return NetAddress.inetAddressFromNativeUnsafe(bound.address, bound.port, scopeIds());
    }),
    send: (to, bytes) =>
      Effect.callback<void, DatagramError>((resume) => {
        const family = NetAddress.familyOf(to);
        const fail = (reason: DatagramReason) =>
          resume(Effect.fail(new DatagramError({ address: NetAddress.formatInet(to), reason })));
        const socket = sockets.get(family);
        if (socket === undefined) return fail({ _tag: "NoSocket", family });
        if (to.port === 0) return fail({ _tag: "Unreachable" });
        socket.send(bytes, to.port, hostOf(to), (cause) =>
          cause === null ? resume(Effect.void) : fail(reasonOf(cause, bytes.length)),
        );
      }),
    sendUnsafe: (to, bytes) => {
      if (to.port !== 0) sockets.get(NetAddress.familyOf(to))?.send(bytes, to.port, hostOf(to), ignore);
    },
    receive: receivers.receive,
  });
});

/** The machine's UDP. */
export const layer = (options: DatagramOptions): Layer.Layer<Datagrams> => Layer.effect(Datagrams, make(options));
