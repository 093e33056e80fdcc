/**
 * Peers from trackers: the whole schedule of announces of one torrent, as a stream of what the trackers answer.
 *
 * Trackers are asked in lanes, each at its own pace. A public torrent has one lane per tier (BEP 12): the first begins at once, the next when
 * the one before it has no tracker that answers, and all of them after `hurryAfter` seconds: users expect the peers of every tier. Within a
 * lane trackers are asked in order, the next one when one fails or is silent for `hurryAfter` seconds; the first that answers stops the round
 * and moves to the front of its tier. A private torrent (BEP 27) is one lane over all tiers that waits for each failure, one tracker at a time. Of a magnet
 * link nobody knows whether it is private: it is asked for as if it were not, and when it is, the first tracker in order that has answered stays.
 *
 * Life cycle: the stream ends when no tracker may ever be asked again; when its scope closes, `stopped` goes out (bounded by `stopTimeout`).
 * An announce still unanswered then, or when another tracker of the lane was faster, is abandoned: that tracker is owed nothing.
 */
import * as Arr from "effect/Array";
import * as Cause from "effect/Cause";
import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Latch from "effect/Latch";
import type * as NetAddress from "effect/net/NetAddress";
import * as Option from "effect/Option";
import * as Stream from "effect/Stream";
import type { Events } from "../services/Events.ts";
import { monotonicMillis } from "../services/time.ts";
import type { Tracker } from "../services/Tracker/Tracker.ts";
import { type Announcer, type AnnouncerOptions, makeAnnouncer } from "./announcer.ts";
import { contact, type Contact } from "./contacts.ts";
import { promote, shuffled, without } from "./tiers.ts";
import type { Answer } from "./trackerEvents.ts";

/** What is announced and to whom. */
export interface AnnounceOptions extends AnnouncerOptions {
  /** URLs of trackers by tier (BEP 12). */
  readonly tiers: ReadonlyArray<ReadonlyArray<string>>;
  /** Open once the torrent is known to be private (BEP 27): from then on strictly one tracker at a time. */
  readonly secluded: Latch.Latch;
  /** Open while the download is short of peers: trackers are then asked again as soon as their min interval allows. */
  readonly hungry: Latch.Latch;
}

/** What one tracker answered. */
export interface FoundPeers {
  readonly url: string;
  readonly peers: ReadonlyArray<NetAddress.InetAddress>;
  /** Our address as the tracker sees it (BEP 24). */
  readonly externalIp?: NetAddress.IpAddress;
  /** Private torrents: the tracker that `url` takes the place of; peers learned from it are to be dropped (BEP 27). */
  readonly insteadOf?: string;
}

/** Trackers that are asked in turn, one pace for all of them. */
interface Lane {
  readonly tiers: ReadonlyArray<ReadonlyArray<Contact>>;
  /** Ask the next one as well when one is silent. */
  readonly hurry: boolean;
  readonly begin: Effect.Effect<void>;
  /** Called when a round found nobody. */
  readonly failed: Effect.Effect<void>;
}

/** The last answer of a tracker, and when it came, in milliseconds of the monotonic clock. */
interface Dated {
  readonly answer: Answer;
  readonly at: number;
}

/** Asks the trackers that are due, in order, until one answers. */
const round = (
  announcer: Announcer,
  lane: Lane,
  contacts: ReadonlyArray<Contact>,
): Effect.Effect<Option.Option<Answer>> =>
  Effect.gen(function* () {
    const now = monotonicMillis(yield* Clock.Clock);
    const due = contacts.filter((contact) => contact.notBefore <= now);
    let unsettled = due.length;
    const ask = (index: number): Effect.Effect<Answer, Cause.NoSuchElementError> =>
      Effect.suspend(() => {
        const next = due[index];
        if (next === undefined) return Effect.fail(new Cause.NoSuchElementError());
        const failed = Latch.makeUnsafe();
        const first = announcer.announce(next).pipe(
          Effect.tapError((error) => {
            unsettled--;
            return Effect.flatMap(untilDue(contacts), (millis) =>
              announcer.tellFailure(error, unsettled === 0 ? millis / 1000 : undefined),
            );
          }),
          Effect.mapError(() => new Cause.NoSuchElementError()),
        );
        const others = Effect.suspend(() => ask(index + 1));
        if (!lane.hurry) return first.pipe(Effect.catch(() => others));
        const hurryAfter = Duration.seconds(announcer.settings.hurryAfter);
        return Effect.race(
          Effect.tapError(first, () => Latch.open(failed)),
          failed.await.pipe(Effect.timeoutOption(hurryAfter), Effect.andThen(others)),
        );
      });
    return yield* Effect.option(ask(0));
  });

/** Milliseconds until the first of the trackers may be asked; Infinity when none may. */
const untilDue = (contacts: ReadonlyArray<Contact>): Effect.Effect<number> =>
  Effect.map(Clock.Clock, (clock) =>
    Math.max(0, Math.ceil(Math.min(...contacts.map((contact) => contact.notBefore)) - monotonicMillis(clock))),
  );

/** Waits until the tracker that answered is to be asked again: its interval, news for it, another port of ours, or a want of peers. */
const pause = (announcer: Announcer, options: AnnounceOptions, { contact, waits }: Answer): Effect.Effect<void> =>
  Effect.raceAllFirst([
    Effect.sleep(Duration.seconds(waits.next)),
    Effect.andThen(
      Effect.sleep(Duration.seconds(waits.earliest)),
      Effect.raceFirst(options.hungry.await, options.otherPort(contact.port)),
    ),
    announcer.news(contact),
  ]);

/** The answers of one lane, for ever or until none of its trackers may be asked again. */
const answers = (announcer: Announcer, options: AnnounceOptions, lane: Lane): Stream.Stream<Answer> =>
  Stream.fromPull(
    Effect.sync(() => {
      let tiers = lane.tiers;
      let wait: Effect.Effect<void, Cause.Done> = lane.begin;
      return Effect.gen(function* () {
        while (true) {
          yield* wait;
          const contacts = tiers.flat();
          const found = yield* round(announcer, lane, contacts);
          if (Option.isSome(found)) {
            tiers = promote(tiers, found.value.contact);
            wait = pause(announcer, options, found.value);
            return Arr.of(found.value);
          }
          yield* lane.failed;
          const millis = yield* untilDue(contacts);
          wait = millis === Infinity ? Cause.done() : Effect.sleep(Duration.millis(millis));
        }
      });
    }),
  );

/** The lanes of a torrent that is not known to be private, see the head of this file. */
const lanesOf = Effect.fnUntraced(function* (tiers: ReadonlyArray<ReadonlyArray<Contact>>, { settings }: Announcer) {
  const gates = tiers.map((_, index) => Latch.makeUnsafe(index === 0));
  yield* Effect.sleep(Duration.seconds(settings.hurryAfter)).pipe(
    Effect.andThen(Effect.forEach(gates, Latch.open, { discard: true })),
    Effect.forkScoped,
  );
  return tiers.map((tier, index): Lane => {
    const next = gates[index + 1];
    return {
      tiers: [tier],
      hurry: true,
      begin: gates[index]?.await ?? Effect.void,
      failed: next === undefined ? Effect.void : Effect.asVoid(Latch.open(next)),
    };
  });
});

const foundBy = ({ contact: { url }, response: { peers, externalIp } }: Answer, former?: string): FoundPeers => ({
  url,
  peers,
  ...(externalIp && { externalIp }),
  ...(former !== undefined && former !== url && { insteadOf: former }),
});

/** One tracker at a time, the first that had answered when this began before all others; those that answered as well are taken leave of. */
const alone = (
  announcer: Announcer,
  options: AnnounceOptions,
  { tiers, latest }: { tiers: ReadonlyArray<ReadonlyArray<Contact>>; latest: ReadonlyMap<Contact, Dated> },
): Stream.Stream<FoundPeers> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const [kept, ...others] = tiers.flat().flatMap((contact) => latest.get(contact) ?? []);
      yield* announcer.stop(others.map(({ answer }) => answer.contact));
      const age = (monotonicMillis(yield* Clock.Clock) - (kept?.at ?? 0)) / 1000;
      const left = (seconds: number): number => Math.max(0, seconds - age);
      const lane: Lane = {
        tiers: kept === undefined ? tiers : [[kept.answer.contact], ...without(tiers, kept.answer.contact)],
        hurry: false,
        begin:
          kept === undefined
            ? Effect.void
            : pause(announcer, options, {
                ...kept.answer,
                waits: { next: left(kept.answer.waits.next), earliest: left(kept.answer.waits.earliest) },
              }),
        failed: Effect.void,
      };
      const [former] = others;
      return Stream.concat(
        kept === undefined || former === undefined
          ? Stream.empty
          : Stream.succeed(foundBy(kept.answer, former.answer.contact.url)),
        answers(announcer, options, lane).pipe(
          Stream.mapAccum(
            () => kept?.answer.contact.url,
            (before, answer) => [answer.contact.url, [foundBy(answer, before)]],
          ),
        ),
      );
    }),
  );

/** Announces a torrent to its trackers for as long as the stream runs, and yields the peers they name. */
export const announces = (options: AnnounceOptions): Stream.Stream<FoundPeers, never, Tracker | Events> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const announcer = yield* makeAnnouncer(options);
      const clock = yield* Clock.Clock;
      const tiers = (yield* shuffled(options.tiers)).map((tier) => tier.map(contact));
      yield* Effect.addFinalizer(() => announcer.stop(tiers.flat()));
      const latest = new Map<Contact, Dated>();
      const byLanes = Stream.unwrap(
        Effect.map(lanesOf(tiers, announcer), (lanes) =>
          Stream.fromArray(lanes).pipe(
            Stream.flatMap((lane) => answers(announcer, options, lane), { concurrency: "unbounded" }),
          ),
        ),
      ).pipe(
        Stream.map((answer) => {
          latest.set(answer.contact, { answer, at: monotonicMillis(clock) });
          return foundBy(answer);
        }),
        Stream.interruptWhen(options.secluded.await),
      );
      const byOne = Stream.suspend(() =>
        Latch.isOpen(options.secluded) ? alone(announcer, options, { tiers, latest }) : Stream.empty,
      );
      return Latch.isOpen(options.secluded) ? byOne : Stream.concat(byLanes, byOne);
    }),
  );
