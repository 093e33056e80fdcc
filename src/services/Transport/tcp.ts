/**
 * TCP over `node:net`: the live `Transport`. Every socket reads into one reused buffer and lends it to the connection's
 * decoder inside the read callback. Accepted sockets are taken over by a socket of ours to get the same read path.
 *
 * Life cycle: leaving the scope destroys the socket, and waits until the system has let go of it.
 */
import * as Net from "node:net";
import type * as Arr from "effect/Array";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as NetAddress from "effect/net/NetAddress";
import type * as Scope from "effect/Scope";
import { rc4Room } from "../../schema/rc4.ts";
import { TransportError } from "../../schema/errors/TransportError.ts";
import { makeArrivals } from "./arrivals.ts";
import { fromErrno } from "./errno.ts";
import { makeInbound } from "./inbound.ts";
import { HIGH_WATER_BYTES, LOW_WATER_BYTES, READ_BYTES } from "./limits.ts";
import { Transport } from "./Transport.ts";
import type { Connection, DialOptions, Listener, ListenOptions } from "./Transport.ts";

/** How this machine's sockets are used; the defaults are right outside of tests. */
export interface TcpOptions {
  /**
   * Reads accepted sockets into the reused buffer (a third of the CPU time), for which Node has no documented way. `false`
   * reads them by `'data'` events, as it also happens where a Node version does not have what it takes.
   */
  readonly adoptAccepted: boolean;
}

/** Silence on a connection on which nothing is to be said, after which the system asks for the other side: a machine that is gone says nothing, either. */
const SILENCE_MILLIS = 30_000;

/** What one read may deliver at most: a quarter of the system calls of 64 KiB, and small beside the L2 cache. */
const SHARED_BUFFER_BYTES = 262_144;

/** Reads are synchronous and lend the buffer for one call, so one serves all sockets, and what is enciphered is deciphered in it; Windows fills buffers ahead of time. */
const makeBuffers = (): (() => Uint8Array) => {
  if (process.platform === "win32") return () => new Uint8Array(READ_BYTES);
  const shared = rc4Room(SHARED_BUFFER_BYTES);
  return () => shared;
};

/** Whether it is the handle of a TCP socket. The types know but one of the kinds of handle that the constructor takes. */
const isHandle = (u: unknown): u is Net.BoundSocket => typeof u === "object" && u !== null && "readStart" in u;

/** A paused socket of ours over the handle of an accepted one, which gives it up; `undefined` where Node has no such handle. */
const adoptHandle = (accepted: Net.Socket, onread: Net.OnReadOpts): Net.Socket | undefined => {
  // `_handle` is in neither Node's documentation nor its types
  const handle: unknown = Reflect.get(accepted, "_handle");
  if (!isHandle(handle)) return undefined;
  Reflect.set(accepted, "_handle", null);
  accepted.destroy();
  const options = { handle, onread, writableHighWaterMark: LOW_WATER_BYTES };
  return new Net.Socket(options).pause();
};

/** The fallback: the accepted socket itself, read by events. */
const readByEvents = (accepted: Net.Socket, onread: Net.OnReadOpts): Net.Socket =>
  accepted.on("data", (bytes: Uint8Array) => {
    if (!onread.callback(bytes.length, bytes)) accepted.pause();
  });

const addressOf = (host: string, port: number): NetAddress.InetAddress =>
  NetAddress.toCanonical(NetAddress.inetAddressFromNativeUnsafe(host, port));

const closedBy = (remote: string): TransportError =>
  new TransportError({ address: remote, reason: { _tag: "Closed" } });

/** A socket with its two halves. `open` makes the socket, paused, around the read callback. */
const wire = (remote: NetAddress.InetAddress, buffer: Uint8Array, open: (onread: Net.OnReadOpts) => Net.Socket) => {
  const address = NetAddress.formatInet(remote);
  const inbound = makeInbound(address, () => socket.resume());
  let heardAt = performance.now();
  let lost: TransportError | undefined;
  let closed = false;

  const socket = open({
    buffer,
    callback: (length, bytes) => {
      heardAt = performance.now();
      return inbound.push(length === bytes.length ? bytes : bytes.subarray(0, length));
    },
  });
  socket.setNoDelay(true);
  socket.on("end", () => {
    // a half-closed stream is of no use to a peer: what we still had to send goes with it
    lost ??= closedBy(address);
    inbound.end(undefined);
    socket.destroy();
  });
  socket.on("error", (cause) => {
    lost ??= fromErrno(address, cause, Math.round(performance.now() - heardAt));
    inbound.end(lost);
  });
  socket.on("close", () => {
    closed = true;
    lost ??= closedBy(address);
    inbound.end(lost);
  });
  const failure = Effect.suspend(() => Effect.fail(lost ?? closedBy(address)));

  const until = (event: "connect" | "drain") =>
    Effect.callback<void, TransportError>((resume) => {
      const stop = () => socket.off(event, onEvent).off("close", onClose);
      const onEvent = () => {
        stop();
        resume(Effect.void);
      };
      const onClose = () => {
        stop();
        resume(failure);
      };
      socket.on(event, onEvent).on("close", onClose);
      return Effect.sync(stop);
    });

  return {
    close: Effect.callback<void>((resume) => {
      if (closed) return resume(Effect.void);
      socket.once("close", () => resume(Effect.void)).destroy();
    }),

    connect: (options: Net.TcpSocketConnectOpts): Effect.Effect<void, TransportError> =>
      Effect.suspend(() => {
        socket.connect(options);
        return until("connect");
      }).pipe(Effect.onInterrupt(() => Effect.sync(() => socket.destroy()))),

    keepAlive: () => void socket.setKeepAlive(true, SILENCE_MILLIS),

    /** Fails when the other side is gone already. */
    connection: (direction: Connection["direction"]): Effect.Effect<Connection, TransportError> =>
      Effect.suspend(() => {
        if (socket.localAddress === undefined || socket.localPort === undefined) return failure;
        return Effect.succeed<Connection>({
          remote,
          local: addressOf(socket.localAddress, socket.localPort),
          direction,
          kind: "tcp",
          read: inbound.read,
          receive: inbound.receive,
          sendUnsafe: (bytes) => {
            if (lost !== undefined) return false;
            socket.write(bytes);
            return socket.writableLength < HIGH_WATER_BYTES;
          },
          drained: Effect.suspend(() => {
            if (lost !== undefined) return failure;
            // Node reports "drain" when all is sent, once more than `writableHighWaterMark` (the low mark here) has waited
            return socket.writableLength < LOW_WATER_BYTES ? Effect.void : until("drain");
          }),
          send: (chunks) =>
            Effect.callback<void, TransportError>((resume) => {
              const last = chunks.at(-1);
              if (lost !== undefined) return resume(failure);
              if (last === undefined) return resume(Effect.void);
              socket.cork();
              for (let i = 0; i < chunks.length - 1; i++) socket.write(chunks[i] ?? last);
              socket.write(last, (error) => {
                if (!error) resume(Effect.void);
                else if (closed) resume(failure);
                else socket.once("close", () => resume(failure));
              });
              socket.uncork();
            }),
        });
      }),
  };
};

const dial = (buffers: () => Uint8Array) =>
  Effect.fnUntraced(function* (
    target: NetAddress.InetAddress,
    { timeout, from, silent }: DialOptions,
  ): Effect.fn.Return<Connection, TransportError, Scope.Scope> {
    const remote = NetAddress.toCanonical(target);
    const address = NetAddress.formatInet(remote);
    if (from !== undefined && !NetAddress.isFamily(from, NetAddress.familyOf(remote)))
      return yield* new TransportError({ address, reason: { _tag: "OtherFamily" } });
    const wired = yield* Effect.acquireRelease(
      Effect.sync(() =>
        wire(remote, buffers(), (onread) => {
          const options = { onread, writableHighWaterMark: LOW_WATER_BYTES };
          return new Net.Socket(options).pause();
        }),
      ),
      ({ close }) => close,
    );
    yield* wired
      .connect({
        host: NetAddress.formatHost(remote),
        port: remote.port,
        ...(from && { localAddress: NetAddress.formatIp(from) }),
      })
      .pipe(
        Effect.timeoutOrElse({
          duration: timeout,
          orElse: () =>
            Effect.fail(
              new TransportError({
                address,
                reason: { _tag: "TimedOut", afterMillis: Duration.toMillis(Duration.fromInputUnsafe(timeout)) },
              }),
            ),
        }),
      );
    if (silent === true) wired.keepAlive();
    return yield* wired.connection("outgoing");
  });

/** One listening socket; its arrivals go to `onArrival`. Without an address it is Node's default: all of both families, or of IPv4 where there is no other. */
const bind = (address: NetAddress.IpAddress | undefined, port: number, onArrival: (socket: Net.Socket) => void) =>
  Effect.acquireRelease(
    Effect.callback<Net.Server, NodeJS.ErrnoException>((resume) => {
      const server = Net.createServer({ pauseOnConnect: true, highWaterMark: LOW_WATER_BYTES }, onArrival);
      // An arrival that could not be taken (no descriptors left) is lost to its dialler alone; the server listens on.
      server.on("error", (cause) => resume(Effect.fail(cause)));
      const at = address === undefined ? {} : { host: NetAddress.formatIp(address) };
      server.listen({ ...at, port, ipv6Only: false, exclusive: true }, () => resume(Effect.succeed(server)));
      return Effect.sync(() => server.close());
    }),
    (server) => Effect.sync(() => server.close()),
  );

/** A socket that was accepted and waits, paused. */
interface Arrival {
  readonly socket: Net.Socket;
  readonly remote: NetAddress.InetAddress;
}

const listen = (buffers: () => Uint8Array, { adoptAccepted }: TcpOptions) =>
  Effect.fnUntraced(function* ({
    port,
    address,
  }: ListenOptions): Effect.fn.Return<Listener, TransportError, Scope.Scope> {
    const arrivals = yield* makeArrivals<Arrival>({
      take: ({ remote, socket }) =>
        Effect.acquireRelease(
          Effect.sync(() =>
            wire(
              remote,
              buffers(),
              (onread) => (adoptAccepted ? adoptHandle(socket, onread) : undefined) ?? readByEvents(socket, onread),
            ),
          ),
          ({ close }) => close,
        ).pipe(Effect.flatMap(({ connection }) => connection("incoming"))),
      close: ({ socket }) => void socket.destroy(),
    });
    const onArrival = (socket: Net.Socket): void => {
      if (socket.remoteAddress === undefined || socket.remotePort === undefined) {
        socket.destroy();
        return;
      }
      const remote = addressOf(socket.remoteAddress, socket.remotePort);
      const arrival: Arrival = { socket, remote };
      socket.on("error", () => arrivals.left(arrival));
      arrivals.arrive(arrival, remote);
    };

    const server = yield* bind(address, port, onArrival).pipe(
      Effect.mapError((cause) =>
        fromErrno(address === undefined ? `port ${port}` : `${NetAddress.formatIp(address)} port ${port}`, cause, 0),
      ),
    );
    const bound = server.address();
    if (bound === null || typeof bound === "string")
      return yield* Effect.die(new Error("a TCP server without an address"));
    const own = addressOf(bound.address, bound.port);
    const addresses: Arr.NonEmptyReadonlyArray<NetAddress.InetAddress> =
      address === undefined && NetAddress.isInetAddressV6(own)
        ? [NetAddress.inetAddressUnsafe(NetAddress.ipv4Unspecified, bound.port), own]
        : [own];
    return { addresses, incoming: arrivals.incoming };
  });

/** TCP with chosen options. */
export const layerWith = (options: TcpOptions): Layer.Layer<Transport> =>
  Layer.sync(Transport, () => {
    const buffers = makeBuffers();
    return { dial: dial(buffers), listen: listen(buffers, options) };
  });

/** TCP as this machine has it. */
export const layer: Layer.Layer<Transport> = layerWith({ adoptAccepted: true });
