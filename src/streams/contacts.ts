/**
 * What a torrent's session knows of each of its trackers: under which names it was asked and what it was told, hence which event is due; and what an answer or
 * a failure means for the next time. Nothing is sent here: announcer.ts does that. Which tracker is asked when is decided in announces.ts.
 *
 * State: contacts live as long as the session; one fiber at a time announces to a contact.
 */
import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Pull from "effect/Pull";
import * as Schedule from "effect/Schedule";
import type { TrackerError } from "../schema/errors/TrackerError.ts";
import type { InfoHash } from "../schema/infoHash.ts";
import type { AnnounceSettings } from "../schema/settings.ts";
import type { AnnounceRequest, AnnounceResponse } from "../schema/tracker.ts";
import { monotonicMillis } from "../services/time.ts";
import { backoff, dictatedWait } from "./announceSchedule.ts";

/** How the torrent stands with one tracker under one of its names. Mutable, as the contact. */
export interface Standing {
  readonly name: InfoHash;
  /** It answered a `started` of ours, so it is owed a `stopped`. */
  started: boolean;
  /** It was told that nothing more is fetched. */
  completedTold: boolean;
  /** It was tried to tell it of completion, whatever came of that. */
  completedTried: boolean;
  trackerId: string | undefined;
}

/** One tracker, as this session knows it. Mutable, owned by the session. */
export interface Contact {
  readonly url: string;
  /** One for each name under which it was asked. */
  readonly standings: Array<Standing>;
  /** The port that it was told last. */
  port?: number;
  /** Not to be asked before this time, in milliseconds of the monotonic clock; Infinity: never again. */
  notBefore: number;
  /** The back-off under way; none after an answer. */
  step:
    | ((now: number, input: unknown) => Pull.Pull<[Duration.Duration, Duration.Duration], never, unknown>)
    | undefined;
}

/** A tracker not asked yet. */
export const contact = (url: string): Contact => ({ url, standings: [], notBefore: -Infinity, step: undefined });

const standing = (name: InfoHash): Standing => ({
  name,
  started: false,
  completedTold: false,
  completedTried: false,
  trackerId: undefined,
});

/** The standings that are to be told now, of the torrent's `names`: those that were never told alone, at first all. */
export const due = (to: Contact, names: ReadonlyArray<InfoHash>): ReadonlyArray<Standing> => {
  const known = new Set(to.standings.map(({ name }) => name.hex));
  const fresh = names.filter(({ hex }) => !known.has(hex)).map(standing);
  to.standings.push(...fresh);
  return fresh.length > 0 ? fresh : to.standings;
};

/** Whether the tracker is still to be told that the torrent was `completed` in this session. */
export const owesCompleted = (to: Standing, completed: boolean): boolean =>
  to.started && !to.completedTold && completed;

/** The tracker answered an announce of `event`, which said, if `complete`, that nothing more is fetched. */
export const noteAnswer = (
  to: Standing,
  event: AnnounceRequest["event"],
  { response, complete }: { readonly response: AnnounceResponse; readonly complete: boolean },
): void => {
  to.trackerId = response.trackerId ?? to.trackerId;
  if (event === "started") to.started = true;
  if (complete) to.completedTold = true;
};

/** The tracker answered under one name at the least: there is no back-off any more. */
export const noteReached = (to: Contact): void => {
  to.notBefore = -Infinity;
  to.step = undefined;
};

/** The tracker failed: sets when it may be asked again. */
export const noteFailure = Effect.fnUntraced(function* (to: Contact, error: TrackerError, settings: AnnounceSettings) {
  const now = monotonicMillis(yield* Clock.Clock);
  const dictated = dictatedWait(error.reason, settings);
  if (dictated !== undefined) {
    to.notBefore = now + Math.floor(dictated * 1000);
    return;
  }
  to.step ??= yield* Schedule.toStep(backoff(settings));
  // A schedule that has ended has given the tracker up.
  const wait = yield* to.step(now, undefined).pipe(
    Effect.map(([, delay]) => Math.floor(Duration.toMillis(delay))),
    Pull.catchDone(() => Effect.succeed(Infinity)),
  );
  to.notBefore = now + wait;
});
