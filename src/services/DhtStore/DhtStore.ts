/**
 * What the DHT leaves behind so that the next run joins it at once: one small record for the whole machine, in the same state folder as the records of
 * downloads. It is a help and no more: what cannot be read or written is done without.
 */
import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import type * as Option from "effect/Option";
import type { SavedTable } from "../../schema/dhtTable.ts";

/** Keeps the table between runs. Layers: `services/DhtStore/files.ts`, `services/DhtStore/memory.ts`. */
export class DhtStore extends Context.Service<
  DhtStore,
  {
    /** The last record; none when there is none, or it is damaged. */
    readonly load: Effect.Effect<Option.Option<SavedTable>>;
    /** Replaces the record. */
    readonly save: (table: SavedTable) => Effect.Effect<void>;
  }
>()("bt-effect/services/DhtStore") {}
