/**
 * What a torrent's session knows of each of its trackers, and one announce to one of them: which event is due, what the answer or the
 * failure means for the next time, and the telling of it to `Events`. Which tracker is asked when is decided in `announces.ts`.
 *
 * Life cycle: contacts live as long as the session; one fiber at a time announces to a contact.
 */
import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Latch from "effect/Latch";
import * as Pull from "effect/Pull";
import * as Random from "effect/Random";
import * as Schedule from "effect/Schedule";
import * as Semaphore from "effect/Semaphore";
import type { TrackerError } from "../schema/errors/TrackerError.ts";
import type { InfoHash } from "../schema/infoHash.ts";
import { AnnounceSettings } from "../schema/settings.ts";
import { Events } from "../services/Events.ts";
import type { AnnounceRequest, AnnounceResponse } from "../schema/tracker.ts";
import { monotonicMillis } from "../services/time.ts";
import { Tracker } from "../services/Tracker/Tracker.ts";
import { backoff, dictatedWait, waits, type Waits } from "./announceSchedule.ts";

/** Announces of one torrent under way at once: each holds sockets. */
const MAX_UNDER_WAY = 50;

/** The payload counters told to trackers, in bytes since the session began. */
export interface TransferStats {
  readonly uploaded: number;
  readonly downloaded: number;
  readonly left: number;
  /** Nothing more is fetched, though not all is there (BEP 21). */
  readonly partialSeed: boolean;
}

/** Who announces what. */
export interface SessionOptions {
  readonly infoHash: InfoHash;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  /** The port we listen on. */
  readonly port: number;
  /** Read at each announce. */
  readonly stats: () => TransferStats;
  /** Opened when the download completes in this session; never when it was complete from the start. */
  readonly completed: Latch.Latch;
}

/** One tracker, as this session knows it. Mutable, owned by the session. */
export interface Contact {
  readonly url: string;
  /** It answered a `started` of ours, so it is owed a `stopped`. */
  started: boolean;
  /** It was told that nothing more is fetched. */
  completedTold: boolean;
  trackerId: string | undefined;
  /** Not to be asked before this time, in milliseconds of the monotonic clock; Infinity: never again. */
  notBefore: number;
  /** The back-off under way; none after an answer. */
  step:
    | ((now: number, input: unknown) => Pull.Pull<[Duration.Duration, Duration.Duration], never, unknown>)
    | undefined;
}

/** A tracker not asked yet. */
export const contact = (url: string): Contact => ({
  url,
  started: false,
  completedTold: false,
  trackerId: undefined,
  notBefore: -Infinity,
  step: undefined,
});

/** An answer and when to ask again. */
export interface Answer {
  readonly contact: Contact;
  readonly response: AnnounceResponse;
  readonly waits: Waits;
}

/** Makes the functions by which a session speaks with its trackers. */
export const makeSession = Effect.fnUntraced(function* (options: SessionOptions) {
  const tracker = yield* Tracker;
  const events = yield* Events;
  const settings = yield* AnnounceSettings;
  const slots = yield* Semaphore.make(MAX_UNDER_WAY);
  const key = (yield* Random.nextIntBetween(0, 0xffff_ffff)) >>> 0;

  const request = (to: Contact, event: AnnounceRequest["event"]): AnnounceRequest => {
    return {
      infoHash: options.infoHash,
      peerId: options.peerId,
      port: options.port,
      ...options.stats(),
      event,
      numwant: event === "stopped" ? 0 : settings.numwant,
      key,
      trackerId: to.trackerId,
    };
  };

  /** A partial seed has not completed the torrent, only what it wants of it. */
  const owesCompleted = (to: Contact): boolean =>
    to.started && !to.completedTold && Latch.isOpen(options.completed) && !options.stats().partialSeed;

  /** `complete`: the announce said that nothing more is fetched. */
  const noteAnswer = (to: Contact, event: AnnounceRequest["event"], response: AnnounceResponse, complete: boolean) => {
    to.trackerId = response.trackerId ?? to.trackerId;
    to.notBefore = -Infinity;
    to.step = undefined;
    if (event === "started") to.started = true;
    if (complete) to.completedTold = true;
  };

  const noteFailure = Effect.fnUntraced(function* (to: Contact, error: TrackerError) {
    const now = monotonicMillis(yield* Clock.Clock);
    const dictated = dictatedWait(error.reason, settings);
    if (dictated !== undefined) {
      to.notBefore = now + Math.floor(dictated * 1000);
      return;
    }
    to.step ??= yield* Schedule.toStep(backoff(settings));
    // a schedule that has ended has given the tracker up
    const wait = yield* to.step(now, undefined).pipe(
      Effect.map(([, delay]) => Math.floor(Duration.toMillis(delay))),
      Pull.catchDone(() => Effect.succeed(Infinity)),
    );
    to.notBefore = now + wait;
  });

  /** Whoever counts the trackers that are being asked must hear of those that nobody waits for any more. */
  const tellAbandoned = ({ url }: Contact): Effect.Effect<void> =>
    events.publish({
      type: "tracker",
      url,
      state: "failed",
      code: "tracker.abandoned",
      message: `${url}: no answer so far, and nobody waits for it any more`,
    });

  /** One announce; the event that is due is chosen here. On failure the contact knows when to be asked again. */
  const announce = Effect.fnUntraced(function* (to: Contact) {
    const complete = Latch.isOpen(options.completed);
    const event = !to.started ? "started" : owesCompleted(to) ? "completed" : "none";
    const response = yield* events.publish({ type: "tracker", url: to.url, state: "announcing" }).pipe(
      Effect.andThen(Effect.suspend(() => tracker.announce(to.url, request(to, event)))),
      Semaphore.withPermit(slots),
      Effect.tapError((error) => noteFailure(to, error)),
      Effect.onInterrupt(() => tellAbandoned(to)),
    );
    noteAnswer(to, event, response, complete);
    const answer: Answer = { contact: to, response, waits: waits(response, settings) };
    yield* events.publish({
      type: "tracker",
      url: to.url,
      state: "ok",
      peers: response.peers.length,
      ...(response.seeders !== undefined && { seeders: response.seeders }),
      ...(response.leechers !== undefined && { leechers: response.leechers }),
      next: answer.waits.next,
    });
    if (response.warning !== undefined) {
      const message = `${to.url}: the tracker warns: ${response.warning}`;
      yield* events.publish({ type: "warning", code: "tracker.warning", message });
    }
    return answer;
  });

  /** Tells of a failed announce; `next` is the wait in seconds until a tracker in its place is asked, when nobody is asked meanwhile. */
  const tellFailure = (error: TrackerError, next?: number): Effect.Effect<void> =>
    events.publish({
      type: "tracker",
      url: error.url,
      state: "failed",
      ...(next !== undefined && Number.isFinite(next) && { next: Math.ceil(next) }),
      code: error.code,
      message: error.message,
    });

  const part = Effect.fnUntraced(function* (from: Contact) {
    if (owesCompleted(from)) {
      yield* tracker.announce(from.url, request(from, "completed"));
      from.completedTold = true;
    }
    yield* tracker.announce(from.url, request(from, "stopped"));
    from.started = false;
  });

  /** Tells `stopped` to every contact that is owed it, all at once, within `stopTimeout` seconds in total. */
  const stop = (contacts: ReadonlyArray<Contact>): Effect.Effect<void> =>
    Effect.forEach(
      contacts.filter((contact) => contact.started),
      (contact) => part(contact).pipe(Effect.catch((error) => tellFailure(error))),
      { concurrency: "unbounded", discard: true },
    ).pipe(Effect.timeoutOption(Duration.seconds(settings.stopTimeout)), Effect.asVoid);

  return { settings, announce, owesCompleted, tellFailure, stop };
});

/** What `makeSession` makes. */
export type Session = Effect.Success<ReturnType<typeof makeSession>>;
