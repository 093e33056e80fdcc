/** When a tracker is asked again (BEP 3, 31): the numbers of `AnnounceSettings` as a Schedule and as waits. No state. */
import * as Duration from "effect/Duration";
import * as Schedule from "effect/Schedule";
import type { TrackerReason } from "../schema/errors/TrackerError.ts";
import type { AnnounceSettings } from "../schema/settings.ts";
import type { AnnounceResponse } from "../schema/tracker.ts";

/** Waits after failures in a row: doubling from `backoffBase`, each jittered by a fifth, never above `backoffCap`. */
export const backoff = (settings: AnnounceSettings): Schedule.Schedule<Duration.Duration> =>
  Schedule.min([
    Schedule.jittered(Schedule.exponential(Duration.seconds(settings.backoffBase))),
    Schedule.spaced(Duration.seconds(settings.backoffCap)),
  ]);

const clamp = (seconds: number, { minInterval, maxInterval }: AnnounceSettings): number =>
  Math.min(Math.max(seconds, minInterval), maxInterval);

/** The waits after an answer, in seconds. */
export interface Waits {
  /** Until the next announce. */
  readonly next: number;
  /** Until an announce out of turn, when short of peers, is allowed. */
  readonly earliest: number;
}

/** Clamps what a tracker asked for to what the settings allow; no interval (0) means the default one. */
export const waits = (
  response: Pick<AnnounceResponse, "interval" | "minInterval">,
  settings: AnnounceSettings,
): Waits => {
  const earliest = clamp(response.minInterval ?? 0, settings);
  const asked = response.interval > 0 ? response.interval : settings.defaultInterval;
  return { next: Math.max(clamp(asked, settings), earliest), earliest };
};

/** The wait in seconds that a failure itself dictates: `retry in` (BEP 31), clamped; Infinity where asking again is pointless; else undefined. */
export const dictatedWait = (reason: TrackerReason, settings: AnnounceSettings): number | undefined => {
  if (reason._tag === "Unsupported") return Infinity;
  if (reason._tag !== "Rejected" || reason.retryIn === undefined) return undefined;
  return reason.retryIn === "never" ? Infinity : clamp(reason.retryIn, settings);
};
