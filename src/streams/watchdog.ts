/** The end of a download that gets nowhere (`--timeout`). */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import { DownloadFailed } from "../schema/errors/DownloadError.ts";
import { monotonicMillis } from "../services/time.ts";
import type { Disk } from "./disk.ts";
import { Swarm } from "./Swarm.ts";

/** Fails the download `name` once nothing of use has arrived for `timeout` milliseconds while something is missing. */
export const watchdog = Effect.fnUntraced(function* (
  name: string,
  timeout: number,
  disk: Pick<Disk, "isComplete">,
): Effect.fn.Return<never, DownloadFailed, Swarm> {
  const clock = yield* Clock.Clock;
  const { members, totals } = yield* Swarm;
  totals.lastUseful = monotonicMillis(clock);
  while (true) {
    if (disk.isComplete()) return yield* Effect.never;
    const left = totals.lastUseful + timeout - monotonicMillis(clock);
    if (left <= 0) {
      const waiting = members.size === 0 ? "no peer connected" : `${members.size} peers connected`;
      return yield* new DownloadFailed({ name, reason: { _tag: "NoProgress", seconds: timeout / 1000, waiting } });
    }
    yield* Effect.sleep(left);
  }
});
