/** How a session tells of itself as a whole: that it began, and that it is complete. What happens in between is told where it happens. */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Latch from "effect/Latch";
import type { StorageError } from "../schema/errors/StorageError.ts";
import { payloadLength } from "../schema/geometry.ts";
import { Events } from "../services/Events.ts";
import type { TransferStats } from "./announcer.ts";
import type { Disk } from "./disk.ts";
import type { Identity } from "./identity.ts";
import type { Totals } from "./Swarm.ts";
import { monotonicMillis } from "../services/time.ts";

/** What the telling is about. */
export interface TellingOptions {
  readonly identity: Identity;
  /** The port that we listen on. */
  readonly port: number | undefined;
  readonly totals: Totals;
  /** Whether sharing follows completion. */
  readonly sharing: boolean;
}

/** The beginning and the end of one session. */
export interface Telling {
  /** When the session began, in milliseconds of the monotonic clock. */
  readonly startedAt: number;
  /** Told once: of the output where it is known at the start, else of the folder that it will be in. */
  readonly started: (output: string) => Effect.Effect<void>;
  /** What trackers are told of the payload. */
  readonly stats: (disk: Disk) => TransferStats;
  /** Open once the download completed in this session. */
  readonly completed: Latch.Latch;
  /** Everything that is wanted is there: brings the disk into its last shape and says so. */
  readonly finish: (disk: Disk) => Effect.Effect<void, StorageError>;
}

/** A session that nothing was told of. */
export const makeTelling = ({
  identity,
  port,
  totals,
  sharing,
}: TellingOptions): Effect.Effect<Telling, never, Events> =>
  Effect.gen(function* () {
    const events = yield* Events;
    const clock = yield* Clock.Clock;
    const startedAt = monotonicMillis(clock);
    const completed = Latch.makeUnsafe(false);
    const { infoHash, known, name } = identity;
    let begun = false;
    return {
      startedAt,
      started: (output) =>
        Effect.suspend(() => {
          if (begun) return Effect.void;
          begun = true;
          return events.publish({
            type: "started",
            infoHash: infoHash.hex,
            name,
            output,
            ...(known !== undefined && { size: payloadLength(known) }),
            ...(port !== undefined && { port }),
          });
        }),
      stats: (disk) => {
        const left = disk.lacking();
        return {
          downloaded: totals.downloaded,
          uploaded: totals.uploaded,
          left,
          partialSeed: disk.isComplete() && left > 0,
        };
      },
      completed,
      finish: Effect.fnUntraced(function* (disk) {
        if (totals.downloaded > 0) yield* Latch.open(completed);
        yield* disk.finish;
        const prepared = disk.prepared();
        if (disk.left() > 0)
          return yield* events.publish({
            type: "warning",
            code: "seed.incomplete",
            message: `${name}: ${disk.left()} bytes are missing or damaged; the rest is shared`,
          });
        yield* events.publish({
          type: "complete",
          output: prepared?.root ?? "",
          size: prepared?.selectedSize ?? 0,
          downloaded: totals.downloaded,
          uploaded: totals.uploaded,
          seconds: (monotonicMillis(clock) - startedAt) / 1000,
          ...(sharing && { sharing }),
        });
      }),
    };
  });
