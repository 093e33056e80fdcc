/**
 * Which piece to fetch next, and from whom it can be had (BEP 3). It does not know blocks, buffers or sockets: which block goes to whom is
 * the assembler's business.
 *
 * State: typed arrays in one closure per torrent, owned by that torrent's pipeline; every method is synchronous and cheap (no scan over all
 * pieces per pick, no allocation).
 */
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Random from "effect/Random";
import type { PieceTable, PieceTableOptions } from "./PieceTable.ts";
import { makeTable } from "./table.ts";

export type { PeerSlot, PieceTable, PieceTableOptions } from "./PieceTable.ts";

/** Makes piece tables; randomness is taken from `Random` when the table is made. */
export class Picker extends Context.Service<
  Picker,
  { readonly make: (options: PieceTableOptions) => Effect.Effect<PieceTable> }
>()("bt-effect/services/Picker") {
  /** Tables in memory; repeatable under `Random.withSeed`. */
  static readonly layer = Layer.succeed(
    Picker,
    Picker.of({ make: (options) => Effect.map(Random.nextInt, (seed) => makeTable(options, seed)) }),
  );
}
