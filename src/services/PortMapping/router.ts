/** A router that maps ports, by whichever protocol: what pcp.ts, natPmp.ts and upnp.ts make, and keeping.ts uses. */
import type * as Effect from "effect/Effect";
import type { MappingError } from "../../schema/errors/MappingError.ts";
import type { Grant, Mapping } from "../../schema/portMapping.ts";

/** One router. */
export interface Router {
  readonly name: MappingError["protocol"];
  /** Makes a mapping, or renews it. */
  readonly map: (mapping: Mapping) => Effect.Effect<Grant, MappingError>;
  /** Ends a mapping that was granted. */
  readonly unmap: (mapping: Mapping) => Effect.Effect<void, MappingError>;
  /** Seconds since its table began; absent where the protocol does not tell. */
  readonly epoch?: Effect.Effect<number, MappingError>;
}
