/**
 * Speaking to all of the local network at once: groups that are joined on every interface. What the packets say is its users' business. Where there is no
 * multicast there are simply no ways: nothing here fails.
 */
import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import type * as NetAddress from "effect/net/NetAddress";
import type * as Scope from "effect/Scope";

/** One way to a group: an interface, and an address family of it. */
export interface Way {
  readonly group: NetAddress.InetAddress;
  /** Sends to the group, as far as the interface can; what is lost is lost. The bytes must not be changed afterwards. */
  readonly send: (bytes: Uint8Array) => Effect.Effect<void>;
}

/** What a member of a group does with a packet; `bytes` is only valid during the call, which must not throw. */
export type Hear = (bytes: Uint8Array, from: NetAddress.InetAddress) => void;

/** Joins groups. Layers: `services/Multicast/node.ts`, the in-memory network's. */
export class Multicast extends Context.Service<
  Multicast,
  {
    /** A member of the groups until the scope ends, on each interface that can. It hears what other programs of this machine, and itself, send too. */
    readonly join: (
      groups: ReadonlyArray<NetAddress.InetAddress>,
      hear: Hear,
    ) => Effect.Effect<ReadonlyArray<Way>, never, Scope.Scope>;
  }
>()("bt-effect/services/Multicast") {}
