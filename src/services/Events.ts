/**
 * Where the parts of a download tell what happens, and where displays listen. Publishing never waits: a listener that does not keep up loses
 * the oldest `progress`, `peer` and `tracker` events, never holds up the download.
 */
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as PubSub from "effect/PubSub";
import * as Stream from "effect/Stream";
import type { DownloadEvent } from "../schema/events.ts";

/** Events kept for a listener that is late. */
const BACKLOG = 1024;

/** The bus of one program's downloads. */
export class Events extends Context.Service<
  Events,
  {
    readonly publish: (event: DownloadEvent) => Effect.Effect<void>;
    /** For synchronous code. */
    readonly publishUnsafe: (event: DownloadEvent) => void;
    /** Events from the moment it is run. */
    readonly stream: Stream.Stream<DownloadEvent>;
  }
>()("bt-effect/services/Events") {
  static readonly layer = Layer.effect(
    Events,
    Effect.gen(function* () {
      const bus = yield* PubSub.sliding<DownloadEvent>(BACKLOG);
      return Events.of({
        publish: (event) => PubSub.publish(bus, event),
        publishUnsafe: (event) => void PubSub.publishUnsafe(bus, event),
        stream: Stream.fromPubSub(bus),
      });
    }),
  );
}
