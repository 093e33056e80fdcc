/**
 * Where the parts of one download tell what happens. Publishing never waits: a listener that does not keep up loses the oldest events, never holds up
 * the download.
 */
import type * as Cause from "effect/Cause";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Queue from "effect/Queue";
import * as Stream from "effect/Stream";
import type { DownloadEvent } from "../schema/events.ts";

/** Events kept for a listener that is late. */
const BACKLOG = 1024;

/** The bus of one download; it has one listener. */
export class Events extends Context.Service<
  Events,
  {
    readonly publish: (event: DownloadEvent) => Effect.Effect<void>;
    /** For synchronous code. */
    readonly publishUnsafe: (event: DownloadEvent) => void;
    /** Ends the stream after what was published before. */
    readonly end: Effect.Effect<void>;
    /** What was published, in order, for one listener. */
    readonly stream: Stream.Stream<DownloadEvent>;
  }
>()("bt-effect/services/Events") {
  /** A bus. */
  static readonly make = Effect.map(Queue.sliding<DownloadEvent, Cause.Done>(BACKLOG), (queue) =>
    Events.of({
      publish: (event) => Effect.asVoid(Queue.offer(queue, event)),
      publishUnsafe: (event) => void Queue.offerUnsafe(queue, event),
      end: Effect.asVoid(Queue.end(queue)),
      stream: Stream.fromQueue(queue),
    }),
  );
  static readonly layer = Layer.effect(Events, Events.make);
}
