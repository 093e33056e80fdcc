/**
 * Speaks with the trackers of one torrent: one announce to one of them under all its names, and `stopped` to all at the end. What is due and what an answer
 * means is decided in contacts.ts, which tracker is asked when in announces.ts.
 *
 * Life cycle: lives as long as the session and holds nothing of it; one fiber at a time announces to a contact.
 */
import * as Arr from "effect/Array";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Latch from "effect/Latch";
import * as Option from "effect/Option";
import * as Predicate from "effect/Predicate";
import * as Random from "effect/Random";
import * as Semaphore from "effect/Semaphore";
import type { TrackerError } from "../schema/errors/TrackerError.ts";
import { AnnounceSettings } from "../schema/settings.ts";
import type { AnnounceRequest, AnnounceResponse } from "../schema/tracker.ts";
import { Events } from "../services/Events.ts";
import { Tracker } from "../services/Tracker/Tracker.ts";
import { waits } from "./announceSchedule.ts";
import { type Contact, due, noteAnswer, noteFailure, noteReached, owesCompleted, type Standing } from "./contacts.ts";
import type { Names } from "./names.ts";
import { abandoned, type Answer, answered, failed, warned } from "./trackerEvents.ts";

/** Announces of one torrent under way at once: each holds sockets. */
const MAX_UNDER_WAY = 50;
/** Answers so shortly one after the other are to requests that were heard in the order in which they were sent. */
const SAME_TIME = Duration.millis(50);

/** The payload counters told to trackers, in bytes since the session began. */
export interface TransferStats {
  readonly uploaded: number;
  readonly downloaded: number;
  readonly left: number;
  /** Nothing more is fetched, though not all is there (BEP 21). */
  readonly partialSeed: boolean;
}

/** Who announces what. */
export interface AnnouncerOptions {
  /** Each tracker is told of the torrent under all its names at once: it counts as one with one schedule. */
  readonly names: Pick<Names, "known" | "another">;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  /** The port that peers reach us by; read at each announce. */
  readonly port: () => number;
  /** Waits until that is another one than `told`. */
  readonly otherPort: (told: number | undefined) => Effect.Effect<void>;
  /** Read at each announce. */
  readonly stats: () => TransferStats;
  /** Opened when the download completes in this session; never when it was complete from the start. */
  readonly completed: Latch.Latch;
}

/** What a tracker answered under several names, as one answer: all that it names, at the slower pace. */
const joined = (first: AnnounceResponse, others: ReadonlyArray<AnnounceResponse>): AnnounceResponse =>
  others.reduce<AnnounceResponse>((all, response) => {
    const larger = (key: "minInterval" | "seeders" | "leechers") => {
      const values = [all[key], response[key]].filter((value) => value !== undefined);
      return values.length === 0 ? {} : { [key]: Math.max(...values) };
    };
    return {
      ...response,
      ...all,
      peers: [...all.peers, ...response.peers],
      interval: Math.max(all.interval, response.interval),
      ...larger("minInterval"),
      // Most of its peers are in the swarm of either name.
      ...larger("seeders"),
      ...larger("leechers"),
    };
  }, first);

/** Makes what speaks with the trackers of one torrent. */
export const makeAnnouncer = Effect.fnUntraced(function* (options: AnnouncerOptions) {
  const tracker = yield* Tracker;
  const events = yield* Events;
  const settings = yield* AnnounceSettings;
  const slots = yield* Semaphore.make(MAX_UNDER_WAY);
  const key = (yield* Random.nextIntBetween(0, 0xffff_ffff)) >>> 0;

  const request = ({ name, trackerId }: Standing, event: AnnounceRequest["event"]): AnnounceRequest => ({
    infoHash: name,
    peerId: options.peerId,
    port: options.port(),
    ...options.stats(),
    event,
    numwant: event === "stopped" ? 0 : settings.numwant,
    key,
    trackerId,
  });

  /** A partial seed has not completed the torrent, only what it wants of it. */
  const isCompleted = (): boolean => Latch.isOpen(options.completed) && !options.stats().partialSeed;

  /** One announce under one name; the event that is due is chosen here. */
  const announceAs = Effect.fnUntraced(function* (url: string, to: Standing) {
    const complete = Latch.isOpen(options.completed);
    const event = !to.started ? "started" : owesCompleted(to, isCompleted()) ? "completed" : "none";
    to.completedTried ||= complete;
    const response = yield* tracker.announce(url, request(to, event));
    noteAnswer(to, event, { response, complete });
    return response;
  });

  /** Announces under all names that are due. Once one is answered the others have `hurryAfter` seconds more: nobody waits long for a tracker that knows but one. */
  const announceAll = Effect.fnUntraced(function* (to: Contact): Effect.fn.Return<AnnounceResponse, TrackerError> {
    const anyAnswered = Latch.makeUnsafe();
    const late = anyAnswered.await.pipe(Effect.andThen(Effect.sleep(Duration.seconds(settings.hurryAfter))));
    const [first, ...others] = due(to, options.names.known());
    if (first === undefined) return yield* Effect.never;
    if (others.length === 0) return yield* announceAs(to.url, first);
    const results = yield* Effect.forEach(
      [first, ...others],
      (standing) =>
        announceAs(to.url, standing).pipe(
          Effect.tap(() => Latch.open(anyAnswered)),
          Effect.result,
          Effect.raceFirst(Effect.as(late, undefined)),
        ),
      { concurrency: "unbounded" },
    );
    const [successes, failures] = Arr.partition(results.filter(Predicate.isNotUndefined), (result) => result);
    const [response, ...more] = successes;
    if (response !== undefined) return joined(response, more);
    // Nobody is given up before somebody was answered, so that all have failed.
    const [failure] = failures;
    return yield* failure === undefined ? Effect.never : Effect.fail(failure);
  });

  /** One announce. On failure the contact knows when to be asked again. */
  const announce = Effect.fnUntraced(function* (to: Contact) {
    to.port = options.port();
    const response = yield* events.publish({ type: "tracker", url: to.url, state: "announcing" }).pipe(
      Effect.andThen(Effect.suspend(() => announceAll(to))),
      Semaphore.withPermit(slots),
      Effect.tapError((error) => noteFailure(to, error, settings)),
      Effect.onInterrupt(() => events.publish(abandoned(to.url))),
    );
    noteReached(to);
    const answer: Answer = { contact: to, response, waits: waits(response, settings) };
    yield* events.publish(answered(answer));
    if (response.warning !== undefined) yield* events.publish(warned(to.url, response.warning));
    return answer;
  });

  /** Tells of a failed announce; `next` is the wait in seconds until a tracker in its place is asked, when nobody is asked meanwhile. */
  const tellFailure = (error: TrackerError, next?: number): Effect.Effect<void> => events.publish(failed(error, next));

  /**
   * Tells `stopped`, and `completed` right before it where that is owed, without waiting for the answer: a far tracker takes two round trips for each. Where
   * `completed` is answered much later, it may have been heard last, and would leave us in the tracker's list: then `stopped` is told again.
   */
  const part = Effect.fnUntraced(function* (url: string, from: Standing) {
    const stopped = tracker.announce(url, request(from, "stopped"));
    if (!owesCompleted(from, isCompleted())) {
      yield* stopped;
    } else {
      const completed = yield* Effect.forkChild(tracker.announce(url, request(from, "completed")), {
        startImmediately: true,
      });
      yield* stopped;
      const inOrder = yield* Effect.timeoutOption(Fiber.join(completed), SAME_TIME);
      yield* Fiber.join(completed);
      from.completedTold = true;
      if (Option.isNone(inOrder)) yield* stopped;
    }
    from.started = false;
  });

  /** Tells `stopped` to every contact that is owed it, all at once, within `stopTimeout` seconds in total. */
  const stop = (contacts: ReadonlyArray<Contact>): Effect.Effect<void> =>
    Effect.forEach(
      contacts.flatMap(({ standings, url }) =>
        standings.filter(({ started }) => started).map((standing) => ({ standing, url })),
      ),
      ({ standing, url }) => part(url, standing).pipe(Effect.catch((error) => tellFailure(error))),
      { concurrency: "unbounded", discard: true },
    ).pipe(Effect.timeoutOption(Duration.seconds(settings.stopTimeout)), Effect.asVoid);

  /** Waits until the tracker has to be told something out of turn: of a name that it was not told yet, or of completion. */
  const news = (to: Contact): Effect.Effect<void> =>
    Effect.raceFirst(
      Effect.flatMap(options.names.another, ({ hex }) =>
        to.standings.some(({ name }) => name.hex === hex) ? Effect.never : Effect.void,
      ),
      to.standings.every(({ completedTried }) => completedTried)
        ? Effect.never
        : Effect.andThen(options.completed.await, Effect.void),
    );

  return { settings, announce, news, tellFailure, stop };
});

/** What `makeAnnouncer` makes. */
export type Announcer = Effect.Success<ReturnType<typeof makeAnnouncer>>;
