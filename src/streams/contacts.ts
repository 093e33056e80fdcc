/**
 * What a torrent's session knows of each of its trackers, and one announce to one of them: which event is due, what the answer or the
 * failure means for the next time, and the telling of it to `Events`. Which tracker is asked when is decided in `announces.ts`.
 *
 * Life cycle: contacts live as long as the session; one fiber at a time announces to a contact.
 */
import * as Arr from "effect/Array";
import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Latch from "effect/Latch";
import * as Predicate from "effect/Predicate";
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
import type { Names } from "./names.ts";
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

/** How the torrent stands with one tracker under one of its names. */
interface Standing {
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

  const request = ({ name, trackerId }: Standing, event: AnnounceRequest["event"]): AnnounceRequest => {
    return {
      infoHash: name,
      peerId: options.peerId,
      port: options.port(),
      ...options.stats(),
      event,
      numwant: event === "stopped" ? 0 : settings.numwant,
      key,
      trackerId,
    };
  };

  /** A partial seed has not completed the torrent, only what it wants of it. */
  const owesCompleted = (to: Standing): boolean =>
    to.started && !to.completedTold && Latch.isOpen(options.completed) && !options.stats().partialSeed;

  /** The names that are to be told now: those that were never told alone, at first all. */
  const due = (to: Contact): ReadonlyArray<Standing> => {
    const known = new Set(to.standings.map(({ name }) => name.hex));
    const fresh = options.names
      .known()
      .filter(({ hex }) => !known.has(hex))
      .map((name): Standing => ({
        name,
        started: false,
        completedTold: false,
        completedTried: false,
        trackerId: undefined,
      }));
    to.standings.push(...fresh);
    return fresh.length > 0 ? fresh : to.standings;
  };

  /** `complete`: the announce said that nothing more is fetched. */
  const noteAnswer = (
    to: Standing,
    event: AnnounceRequest["event"],
    { response, complete }: { response: AnnounceResponse; complete: boolean },
  ): void => {
    to.trackerId = response.trackerId ?? to.trackerId;
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

  /** One announce under one name; the event that is due is chosen here. */
  const announceAs = Effect.fnUntraced(function* (url: string, to: Standing) {
    const complete = Latch.isOpen(options.completed);
    const event = !to.started ? "started" : owesCompleted(to) ? "completed" : "none";
    to.completedTried ||= complete;
    const response = yield* tracker.announce(url, request(to, event));
    noteAnswer(to, event, { response, complete });
    return response;
  });

  /** Announces under all names that are due. Once one is answered the others have `hurryAfter` seconds more: nobody waits long for a tracker that knows but one. */
  const announceAll = Effect.fnUntraced(function* (to: Contact): Effect.fn.Return<AnnounceResponse, TrackerError> {
    const answered = Latch.makeUnsafe();
    const late = answered.await.pipe(Effect.andThen(Effect.sleep(Duration.seconds(settings.hurryAfter))));
    const [first, ...others] = due(to);
    if (first === undefined) return yield* Effect.never;
    if (others.length === 0) return yield* announceAs(to.url, first);
    const results = yield* Effect.forEach(
      [first, ...others],
      (standing) =>
        announceAs(to.url, standing).pipe(
          Effect.tap(() => Latch.open(answered)),
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
      Effect.tapError((error) => noteFailure(to, error)),
      Effect.onInterrupt(() => tellAbandoned(to)),
    );
    to.notBefore = -Infinity;
    to.step = undefined;
    const answer: Answer = { contact: to, response, waits: waits(response, settings) };
    yield* events.publish({
      type: "tracker",
      url: to.url,
      state: "ok",
      peers: response.peers.length,
      ...(response.seeders !== undefined && { seeders: response.seeders }),
      ...(response.leechers !== undefined && { leechers: response.leechers }),
      next: answer.waits.next,
      ...(answer.waits.earliest < answer.waits.next && { soonest: answer.waits.earliest }),
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

  const part = Effect.fnUntraced(function* (url: string, from: Standing) {
    if (owesCompleted(from)) {
      yield* tracker.announce(url, request(from, "completed"));
      from.completedTold = true;
    }
    yield* tracker.announce(url, request(from, "stopped"));
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

/** What `makeSession` makes. */
export type Session = Effect.Success<ReturnType<typeof makeSession>>;
