/**
 * By which port peers from outside reach us: the one that we listen on, or the one that a router passes on to it. That is what the world is told; who is
 * nearby reaches the first.
 *
 * State: what the router granted last, in this closure.
 */
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Equal from "effect/Equal";
import type * as NetAddress from "effect/net/NetAddress";
import { reach } from "../schema/reach.ts";
import type { Grant } from "../schema/portMapping.ts";

/** Our port as the world is to know it. */
export interface Entrance {
  /** Absent where we do not listen. */
  readonly port: () => number | undefined;
  /** Waits until that is another one than `told`. */
  readonly otherThan: (told: number | undefined) => Effect.Effect<void>;
  /** A router passes this on to us; nothing any more. */
  readonly granted: (grant: Pick<Grant, "external" | "address"> | undefined) => void;
}

/** Begins with the port that we listen on. `seenAt` is told once of each address that a router says it has in the world. */
export const makeEntrance = (local: number | undefined, seenAt: (ip: NetAddress.IpAddress) => void): Entrance => {
  let external: number | undefined;
  let address: NetAddress.IpAddress | undefined;
  let news = Deferred.makeUnsafe<void>();
  const port = (): number | undefined => external ?? local;
  const otherThan = (told: number | undefined): Effect.Effect<void> =>
    Effect.suspend(() => (port() !== told ? Effect.void : Effect.andThen(Deferred.await(news), otherThan(told))));
  return {
    port,
    otherThan,
    granted: (grant) => {
      external = local === undefined || grant?.external === 0 ? undefined : grant?.external;
      const waiting = news;
      news = Deferred.makeUnsafe<void>();
      Deferred.doneUnsafe(waiting, Effect.void);
      // A router behind another one tells an address that nobody outside can use.
      if (grant?.address === undefined || reach(grant.address) < 3 || Equal.equals(grant.address, address)) return;
      address = grant.address;
      seenAt(address);
    },
  };
};
