/**
 * The end of the pipeline: a piece that is verified and on disk counts from here on. Marks it, frees its buffer, tells the recorder and the
 * peers, in that order.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Sink from "effect/Sink";
import { monotonicMillis } from "../services/time.ts";
import type { Stored } from "./pieces.ts";
import { Swarm } from "./Swarm.ts";

/** Takes pieces until all that is wanted is there; `wrote` is told of each. */
export const verifiedPieceSink = (wrote: (index: number) => void): Sink.Sink<void, Stored, never, never, Swarm> =>
  Sink.unwrap(
    Effect.gen(function* () {
      const swarm = yield* Swarm;
      const clock = yield* Clock.Clock;
      return Sink.forEachArray((pieces: ReadonlyArray<Stored>) =>
        Effect.sync(() => {
          for (const { piece } of pieces) {
            swarm.torrent()?.assembler.written(piece);
            wrote(piece.index);
            swarm.gained(piece.index, monotonicMillis(clock));
          }
        }),
      );
    }),
  );
