/** A DHT store in memory, for tests. It keeps bytes, as the file Layer does; nothing outlives the layer. */
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import { decodeTable, encodeTable, type SavedTable } from "../../schema/dhtTable.ts";
import { DhtStore } from "./DhtStore.ts";

/** A store that holds `first`, or nothing. */
export const layer = (first?: SavedTable): Layer.Layer<DhtStore> =>
  Layer.sync(DhtStore, () => {
    let kept = first === undefined ? undefined : encodeTable(first);
    return DhtStore.of({
      load: Effect.sync(() => Option.flatMap(Option.fromUndefinedOr(kept), decodeTable)),
      save: (table) =>
        Effect.sync(() => {
          kept = encodeTable(table);
        }),
    });
  });
