/**
 * Being reachable through a router: asks it to pass our port on to us, as long as somebody wants that. Which protocol it is asked by is nobody's business
 * here. Without a router there is silence: nothing here fails, waits or warns.
 *
 * Life cycle: nothing is loaded or sent before the first use that lasts longer than a second. A mapping that nobody wants any more is deleted at once, beside whatever else goes on
 * then; the layer's end waits for that.
 */
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type { Grant } from "../../schema/portMapping.ts";

/** What is over within this time needs no mapping, in milliseconds: it was reached by nobody, and nothing was loaded for it. */
const PATIENCE = 1_000;

/** Told of the router's port for our TCP port, whenever it was granted or renewed, and of nothing when it is had no more. Must not throw. */
export type Told = (grant: Grant | undefined) => void;

/** Has `port` mapped as long as it runs, and cleans up within a bounded time. It may end: then there is nothing to be had. */
export type Keep = (port: number, told: Told) => Effect.Effect<void>;

/** Maps ports. Layers: `services/PortMapping/live.ts`, `PortMapping.layerOff`. */
export class PortMapping extends Context.Service<
  PortMapping,
  {
    /** Has the TCP port `port`, and the shared UDP port, mapped as long as it runs; it never ends. Interrupting it takes no time. */
    readonly hold: (port: number, told?: Told) => Effect.Effect<never>;
  }
>()("bt-effect/services/PortMapping") {
  /** With what `load` gives at the first use. */
  static readonly layerOver = <R>(load: Effect.Effect<Keep, never, R>): Layer.Layer<PortMapping, never, R> =>
    Layer.effect(
      PortMapping,
      Effect.gen(function* () {
        const scope = yield* Effect.scope;
        const context = yield* Effect.context<R>();
        const loaded = yield* Effect.cached(load);
        const keep = (port: number, told: Told) =>
          Effect.sleep(PATIENCE).pipe(
            Effect.andThen(loaded),
            Effect.flatMap((run) => run(port, told)),
            Effect.tapCause((cause) => Effect.logDebug("port mapping ended", cause)),
            Effect.provideContext(context),
          );
        return PortMapping.of({
          hold: (port, told = () => {}) =>
            Effect.acquireUseRelease(
              Effect.forkIn(keep(port, told), scope),
              () => Effect.never,
              (fiber) => Effect.sync(() => fiber.interruptUnsafe()),
            ),
        });
      }),
    );

  /** No router is ever asked. */
  static readonly layerOff = Layer.succeed(PortMapping, PortMapping.of({ hold: () => Effect.never }));
}
