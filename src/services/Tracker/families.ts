/** One announce, or scrape, over several address families (BEP 7): asked at once, answered as soon as waiting for the rest no longer pays. No state. */
import type * as Arr from "effect/Array";
import * as Clock from "effect/Clock";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as NetAddress from "effect/net/NetAddress";
import type { TrackerReason } from "../../schema/errors/TrackerError.ts";
import type { ScrapeCounts } from "../../schema/scrape.ts";
import type { AnnounceResponse } from "../../schema/tracker.ts";
import { monotonicMillis } from "../time.ts";

/** After the first answer the other family gets as long again as that one took, and these milliseconds on top. */
const GRACE = 25;

/** The failures that tell most come first: a machine without IPv6, or a name without an IPv6 address, says little. */
const TELLING: ReadonlyArray<TrackerReason["_tag"]> = [
  "Rejected",
  "Malformed",
  "TooLarge",
  "HttpStatus",
  "TimedOut",
  "Unreachable",
];

const rank = ({ _tag }: TrackerReason): number => {
  const index = TELLING.indexOf(_tag);
  return index === -1 ? TELLING.length : index;
};

/** The first answer, with the peers of the others added and the largest counts. */
export const joinAnnounces = (first: AnnounceResponse, others: ReadonlyArray<AnnounceResponse>): AnnounceResponse => {
  const peers = new Map(
    [first, ...others].flatMap((answer) => answer.peers.map((peer) => [NetAddress.formatInet(peer), peer])),
  );
  return others.reduce<AnnounceResponse>(
    (joined, other) => ({
      ...other,
      ...joined,
      ...(joined.seeders !== undefined &&
        other.seeders !== undefined && { seeders: Math.max(joined.seeders, other.seeders) }),
      ...(joined.leechers !== undefined &&
        other.leechers !== undefined && { leechers: Math.max(joined.leechers, other.leechers) }),
    }),
    { ...first, peers: [...peers.values()] },
  );
};

/** The counts of one of the families: a tracker keeps one book for both. */
export const firstCounts = (first: ScrapeCounts): ScrapeCounts => first;

/** Runs a question per family; succeeds with what was answered in time, joined; fails when all failed, with the reason that tells most. */
export const overFamilies = Effect.fnUntraced(function* <A>(
  questions: Arr.NonEmptyReadonlyArray<Effect.Effect<A, TrackerReason>>,
  join: (first: A, others: ReadonlyArray<A>) => A,
): Effect.fn.Return<A, TrackerReason> {
  const clock = yield* Clock.Clock;
  const begun = monotonicMillis(clock);
  const answered = yield* Deferred.make<void>();
  const answers: Array<A> = [];
  const failures: Array<TrackerReason> = [];
  const all = Effect.forEach(
    questions,
    Effect.matchEffect({
      onSuccess: (answer) => {
        answers.push(answer);
        return Deferred.succeed(answered, undefined);
      },
      onFailure: (failure) => Effect.sync(() => failures.push(failure)),
    }),
    { concurrency: "unbounded", discard: true },
  );
  const longEnough = Effect.gen(function* () {
    yield* Deferred.await(answered);
    yield* Effect.sleep(monotonicMillis(clock) - begun + GRACE);
  });
  yield* Effect.raceFirst(all, longEnough);
  const [first, ...others] = answers;
  if (first !== undefined) return join(first, others);
  const [worst = { _tag: "TimedOut" } satisfies TrackerReason] = failures.toSorted((a, b) => rank(a) - rank(b));
  return yield* Effect.fail(worst);
});
