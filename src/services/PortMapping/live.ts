/** The real port mapping, over the shared UDP port: loaded at its first use. */
import * as Effect from "effect/Effect";
import type * as Layer from "effect/Layer";
import type { SecureRandom } from "effect/crypto/SecureRandom";
import type { Datagrams } from "../Datagrams/Datagrams.ts";
import { PortMapping } from "./PortMapping.ts";

/** Asks the router of this machine. */
export const layer: Layer.Layer<PortMapping, never, Datagrams | SecureRandom> = PortMapping.layerOver(
  Effect.flatMap(
    Effect.promise(() => Promise.all([import("./keeping.ts"), import("./machine.ts")])),
    ([{ makeKeeping }, { machine }]) => makeKeeping(machine),
  ),
);
