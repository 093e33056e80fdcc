/**
 * The shared UDP port: UDP trackers, the DHT and uTP send and receive through it. It knows nothing of what the
 * packets say; receivers claim theirs by looking at them.
 *
 * Life cycle: the sockets (one per address family that the machine has) live as long as the layer.
 */
import * as Context from "effect/Context";
import * as Data from "effect/Data";
import type * as Effect from "effect/Effect";
import type * as NetAddress from "effect/net/NetAddress";
import type * as Scope from "effect/Scope";
import { kebab } from "../../schema/errors/kebab.ts";
import type { HostPort } from "../../schema/hostPort.ts";

/** Why a packet could not be sent. */
export type DatagramReason =
  | { readonly _tag: "NoSocket"; readonly family: NetAddress.IpFamily }
  /** Behind a proxy that relays no UDP. */
  | { readonly _tag: "NoRelay"; readonly why: string }
  | { readonly _tag: "TooLarge"; readonly length: number }
  | { readonly _tag: "Unreachable"; readonly cause?: unknown }
  | { readonly _tag: "Other"; readonly cause: unknown };

/** A packet could not be sent; concerns that packet alone. */
export class DatagramError extends Data.TaggedError("DatagramError")<{
  readonly address: string;
  readonly reason: DatagramReason;
}> {
  /** `datagram.no-socket`, `datagram.no-relay`, `datagram.too-large`, `datagram.unreachable`, `datagram.other`. */
  get code(): string {
    return `datagram.${kebab(this.reason._tag)}`;
  }
  override get message(): string {
    switch (this.reason._tag) {
      case "NoSocket":
        return `${this.address}: this machine has no ${this.reason.family} network`;
      case "NoRelay":
        return `${this.address}: ${this.reason.why}`;
      case "TooLarge":
        return `${this.address}: a packet of ${this.reason.length} bytes is too large to send`;
      case "Unreachable":
        return `${this.address}: host or network unreachable`;
      case "Other":
        return `${this.address}: ${this.reason.cause instanceof Error ? this.reason.cause.message : String(this.reason.cause)}`;
    }
  }
}

/** Looks at a packet and says whether it was meant for it. `bytes` is only valid during the call; must not throw. */
export type Receiver = (bytes: Uint8Array, from: NetAddress.InetAddress) => boolean;

/** Sends and receives packets over the shared port. Layers: `services/Datagrams/node.ts`, the in-memory network's. */
export class Datagrams extends Context.Service<
  Datagrams,
  {
    /** The bound addresses, by family; empty where the machine has none. Without a port where nobody can reach us by one. */
    readonly addresses: ReadonlyArray<NetAddress.InetAddress>;
    readonly send: (to: NetAddress.InetAddress, bytes: Uint8Array) => Effect.Effect<void, DatagramError>;
    /** Sends to a host by its name, where names are not ours to resolve; the address that an answer will come from is not known. */
    readonly sendNamed?: (to: HostPort, bytes: Uint8Array) => Effect.Effect<void, DatagramError>;
    /**
     * Sends without waiting, for those who treat a packet that could not be sent like one that was lost on its way. The bytes must not be
     * changed afterwards.
     */
    readonly sendUnsafe: (to: NetAddress.InetAddress, bytes: Uint8Array) => void;
    /** Adds a receiver until the scope ends; receivers are asked in the order they came, until one says yes. */
    readonly receive: (receiver: Receiver) => Effect.Effect<void, never, Scope.Scope>;
    /** Calls `then`, until the scope ends, whenever others cease to see us at the address that they know, as behind a proxy. Absent where they never do. */
    readonly onMoved?: (then: () => void) => Effect.Effect<void, never, Scope.Scope>;
  }
>()("bt-effect/services/Datagrams") {}
