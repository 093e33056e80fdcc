/**
 * Byte streams between peers: dialling, listening, reading and writing. One interface for TCP, uTP, the encrypted stream
 * and the in-memory network of tests. It knows nothing of BitTorrent's messages.
 *
 * Life cycle: a connection lives in the scope it was dialled or accepted in; leaving the scope closes the socket.
 */
import * as Context from "effect/Context";
import type * as Arr from "effect/Array";
import type * as Duration from "effect/Duration";
import type * as Effect from "effect/Effect";
import type * as NetAddress from "effect/net/NetAddress";
import type * as Pull from "effect/Pull";
import type * as Scope from "effect/Scope";
import type * as Stream from "effect/Stream";
import type { TransportError } from "../../schema/errors/TransportError.ts";

/**
 * Turns bytes into messages inside the socket's read callback. It pushes what it finished to `out` and keeps what is
 * unfinished itself. `bytes` is only valid during the call: the next read overwrites it; until then it may be changed in
 * place. What it returns (other than `undefined`) fails the pull, after the messages in `out` have been delivered; it must not throw.
 */
export type Decode<A, E> = (bytes: Uint8Array, out: Array<A>) => E | undefined;

/** One open byte stream to a peer. */
export interface Connection {
  readonly remote: NetAddress.InetAddress;
  readonly local: NetAddress.InetAddress;
  /** Which side opened it. */
  readonly direction: "incoming" | "outgoing";
  readonly kind: "tcp" | "utp" | "memory";
  /**
   * Takes exactly `length` bytes (at most 64 KiB): the cold path, for handshakes. Bytes after them stay for the next `read` or
   * for `receive`. Fails with `Closed` when the stream ends first. Not to be used once `receive` was called.
   */
  readonly read: (length: number) => Effect.Effect<Uint8Array, TransportError>;
  /**
   * The hot path: every socket read goes through `decode`, each pull yields what was finished since the last one.
   * When more than a bound of messages wait unpulled, the socket is paused: that is the backpressure. Ends (Done)
   * when the other side closes cleanly. To be called once.
   */
  readonly receive: <A, E>(
    decode: Decode<A, E>,
  ) => Effect.Effect<Pull.Pull<Arr.NonEmptyReadonlyArray<A>, E | TransportError>>;
  /**
   * Writes without waiting, for small control messages; the bytes must not be changed afterwards. Ignored after the
   * end. `false` when more than the high-water mark waits to be sent: hold back until `drained`.
   */
  readonly sendUnsafe: (bytes: Uint8Array) => boolean;
  /** Waits until what waits to be sent is below the low-water mark. */
  readonly drained: Effect.Effect<void, TransportError>;
  /**
   * Writes the chunks in one go; completes when the system has taken them, so that their buffers can be used again. When it
   * is interrupted they may still be sent: their buffers are free only after the connection's scope.
   */
  readonly send: (chunks: ReadonlyArray<Uint8Array>) => Effect.Effect<void, TransportError>;
}

/** A connection that arrived and waits to be taken; not taken, it is closed with the listener. */
export interface Incoming {
  readonly remote: NetAddress.InetAddress;
  /** Takes it, for as long as the scope lives. */
  readonly accept: Effect.Effect<Connection, TransportError, Scope.Scope>;
  /** Closes it at once. */
  readonly refuse: Effect.Effect<void>;
}

/** A listening port. */
export interface Listener {
  /** The addresses listened on (IPv4, IPv6 or both), with the port that was really bound. */
  readonly addresses: Arr.NonEmptyReadonlyArray<NetAddress.InetAddress>;
  /** Arrivals, bounded: what comes while 128 wait is closed. */
  readonly incoming: Stream.Stream<Incoming>;
}

/** Where to listen. Without `address`: all of the machine's, IPv4 and IPv6. */
export interface ListenOptions {
  readonly port: number;
  readonly address?: NetAddress.IpAddress | undefined;
}

/** How to dial. `from` binds the local address. */
export interface DialOptions {
  readonly timeout: Duration.Input;
  readonly from?: NetAddress.IpAddress | undefined;
  /** Nobody will say anything for long: the system asks now and then whether the other side is still there. Peers are asked by their protocol. */
  readonly silent?: boolean;
}

/** Opens a connection for as long as the scope lives. */
export type Dial = (
  address: NetAddress.InetAddress,
  options: DialOptions,
) => Effect.Effect<Connection, TransportError, Scope.Scope>;

/** Opens and accepts byte streams. Layers: `tcp.ts`, `utp.ts` and `dual.ts` (both together) in `services/Transport`, `memory.ts` in tests. */
export class Transport extends Context.Service<
  Transport,
  {
    /** By whichever kind of connection answers first, where there is more than one. */
    readonly dial: Dial;
    /** By TCP alone; absent where there is no other kind. */
    readonly dialTcp?: Dial;
    /** By uTP alone, as a hole through a NAT needs it (BEP 55); absent where there is no uTP. */
    readonly dialUtp?: Dial;
    readonly listen: (options: ListenOptions) => Effect.Effect<Listener, TransportError, Scope.Scope>;
  }
>()("bt-effect/services/Transport") {}
