/** How busy Node's event loop is. State: the last reading, in the layer's closure. */
import * as Layer from "effect/Layer";
import { Idleness, makeIdleness } from "./Idleness.ts";

/** As Node's event loop tells it. */
export const layer: Layer.Layer<never> = Layer.sync(Idleness, () =>
  makeIdleness(() => performance.eventLoopUtilization()),
);
