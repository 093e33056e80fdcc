/**
 * What passes over the bus of a download, remembered as it is needed to explain why it is slow: how each tracker stands, why peers could not be reached,
 * who came to us. It changes nothing that passes.
 *
 * State: one closure per session, bounded by the trackers and by the kinds of failure.
 */
import type * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type { DownloadEvent } from "../schema/events.ts";
import type { TrackerView } from "../schema/explain.ts";
import type { Events } from "../services/Events.ts";
import { monotonicMillis } from "../services/time.ts";

/** Kinds of failure that are told apart; more are counted together. */
const MAX_KINDS = 16;
const OTHERS = "others";

/** The bus, and what was seen on it. Times are milliseconds of the monotonic clock. */
export interface Observed {
  readonly events: Events["Service"];
  readonly trackers: () => ReadonlyArray<TrackerView>;
  /** Dials that failed since one last succeeded, by what went wrong. */
  readonly unreachable: () => ReadonlyMap<string, number>;
  /** Peers that came to us by themselves. */
  readonly incoming: () => number;
}

/** Watches a bus. */
export const observe = (events: Events["Service"], clock: Clock.Clock): Observed => {
  const trackers = new Map<string, TrackerView>();
  /** By code: the words of one kind differ from time to time. Those of the last are shown. */
  const unreachable = new Map<string, { readonly why: string; readonly times: number }>();
  let incoming = 0;

  const note = (event: DownloadEvent): void => {
    if (event.type === "tracker") {
      const now = monotonicMillis(clock);
      const before = trackers.get(event.url)?.failing;
      const next = event.soonest ?? event.next;
      // To be asked again ends no row of failures.
      const failing =
        event.state === "failed"
          ? { since: before?.since ?? now, message: event.message ?? "no answer" }
          : event.state === "announcing"
            ? before
            : undefined;
      trackers.set(event.url, {
        url: event.url,
        state: event.state,
        ...(failing && { failing }),
        ...(next !== undefined && { next: now + next * 1000 }),
        ...(event.peers !== undefined && { peers: event.peers }),
      });
    } else if (event.type === "peer" && event.state === "connected") {
      unreachable.clear();
      if (event.direction === "incoming") incoming++;
    } else if (event.type === "peer" && event.state === "failed") {
      const why = event.message?.replace(`peer ${event.address} `, "") ?? "no connection";
      const code = event.code ?? why;
      const kind = unreachable.has(code) || unreachable.size < MAX_KINDS - 1 ? code : OTHERS;
      unreachable.set(kind, { why, times: (unreachable.get(kind)?.times ?? 0) + 1 });
    }
  };

  return {
    events: {
      ...events,
      publish: (event) =>
        Effect.andThen(
          Effect.sync(() => note(event)),
          events.publish(event),
        ),
      publishUnsafe: (event) => {
        note(event);
        events.publishUnsafe(event);
      },
    },
    trackers: () => [...trackers.values()],
    unreachable: () => new Map([...unreachable.values()].map(({ why, times }) => [why, times])),
    incoming: () => incoming,
  };
};
