/**
 * Connections that came to a listener and wait to be taken: a bounded queue, in which each is taken or refused once. How they come is the
 * transports' business.
 *
 * Life cycle: as long as the scope; who was not taken by then is closed.
 */
import type * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import * as NetAddress from "effect/net/NetAddress";
import * as Queue from "effect/Queue";
import type * as Scope from "effect/Scope";
import * as Stream from "effect/Stream";
import { TransportError } from "../../schema/errors/TransportError.ts";
import { MAX_WAITING_ARRIVALS } from "./limits.ts";
import type { Connection, Incoming } from "./Transport.ts";

/** What a transport does with those who arrive. */
export interface ArrivalsOptions<A> {
  /** Makes it a connection that lives as long as the scope; must not wait. */
  readonly take: (arrival: A) => Effect.Effect<Connection, TransportError, Scope.Scope>;
  /** Closes one that nobody took. */
  readonly close: (arrival: A) => void;
  /** Gets rid of one for which there is no room; the same as `close` by default. */
  readonly turnAway?: (arrival: A) => void;
}

/** Those who wait. */
export interface Arrivals<A> {
  readonly arrive: (arrival: A, remote: NetAddress.InetAddress) => void;
  /** It went before it was taken. */
  readonly left: (arrival: A) => void;
  /** For the listener. */
  readonly incoming: Stream.Stream<Incoming>;
}

/** Nobody waits yet. */
export const makeArrivals = Effect.fnUntraced(function* <A>({
  take,
  close,
  turnAway = close,
}: ArrivalsOptions<A>): Effect.fn.Return<Arrivals<A>, never, Scope.Scope> {
  const waiting = new Set<A>();
  const queue = yield* Effect.acquireRelease(Queue.dropping<Incoming, Cause.Done>(MAX_WAITING_ARRIVALS), (queue) =>
    Effect.sync(() => {
      Queue.endUnsafe(queue);
      for (const arrival of waiting) close(arrival);
      waiting.clear();
    }),
  );
  return {
    arrive: (arrival, remote) => {
      const accept = Effect.suspend(() =>
        waiting.delete(arrival)
          ? take(arrival)
          : Effect.fail(new TransportError({ address: NetAddress.formatInet(remote), reason: { _tag: "Closed" } })),
      );
      const incoming: Incoming = {
        remote,
        // Between leaving the queue and belonging to a scope it would be nobody's.
        accept: Effect.uninterruptible(accept),
        refuse: Effect.sync(() => {
          if (waiting.delete(arrival)) close(arrival);
        }),
      };
      if (Queue.offerUnsafe(queue, incoming)) waiting.add(arrival);
      else turnAway(arrival);
    },
    left: (arrival) => void waiting.delete(arrival),
    incoming: Stream.fromQueue(queue),
  };
});
