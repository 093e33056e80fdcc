/**
 * Whom to dial: addresses from all sources become one stream of those that may be dialled now. It dials nobody; what became of a candidate is told to
 * `connected` and `disconnected`, and each one handed out must be told of, or it is never handed out again.
 *
 * State: an address book of one download, in this closure; waiting is by the clock and a wake-up, never by polling.
 */
import * as Clock from "effect/Clock";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import type * as NetAddress from "effect/net/NetAddress";
import * as Stream from "effect/Stream";
import { PeerSettings } from "../schema/settings.ts";
import { Bans } from "../services/Bans.ts";
import { type AddressBook, type Candidate, makeAddressBook, type Outcome } from "./addressBook.ts";
import { monotonicMillis } from "../services/time.ts";

export type { Candidate, Outcome, PexHint, Source } from "./addressBook.ts";

/** The candidates of one download. */
export interface Candidates {
  /** Notes an address; known, banned, own and impossible ones are ignored. */
  readonly add: (candidate: Candidate) => void;
  /** Notes all addresses of a stream, until it ends. */
  readonly addAll: <E, R>(candidates: Stream.Stream<Candidate, E, R>) => Effect.Effect<void, E, R>;
  /** Waits for an address that may be dialled now. */
  readonly next: Effect.Effect<Candidate>;
  /** A connection with this address is open, whoever opened it; false when it is not wanted any more. */
  readonly connected: AddressBook["connected"];
  /** A dial failed, or a connection ended. */
  readonly disconnected: (address: NetAddress.InetAddress, outcome: Outcome) => void;
  /** The address turned out to be our own: never to be dialled. */
  readonly ours: (address: NetAddress.InetAddress) => void;
  /** Forgets addresses that only this source named (a private torrent, BEP 27); gives those that are connected, as `address:port`. */
  readonly forget: AddressBook["forget"];
  /** Nobody may be dialled now. */
  readonly isExhausted: () => boolean;
  /** Addresses known, connected or not. */
  readonly known: () => number;
}

/** What the candidates are made for. */
export interface CandidatesOptions {
  /** Where we listen ourselves. */
  readonly own: ReadonlyArray<NetAddress.InetAddress>;
}

/** No candidates yet; bounds and delays are those of `PeerSettings`. */
export const makeCandidates = Effect.fnUntraced(function* (options: CandidatesOptions) {
  const bans = yield* Bans;
  const clock = yield* Clock.Clock;
  const book = makeAddressBook(yield* PeerSettings);
  let woken = Deferred.makeUnsafe<void>();
  for (const address of options.own) book.ours(address);

  const now = (): number => monotonicMillis(clock);
  const wake = (): void => {
    const waiting = woken;
    woken = Deferred.makeUnsafe<void>();
    Deferred.doneUnsafe(waiting, Effect.void);
  };
  const add = (candidate: Candidate): void => {
    if (!bans.isBanned(candidate.address) && book.add(candidate, now())) wake();
  };
  const next: Effect.Effect<Candidate> = Effect.suspend(() => {
    const candidate = book.take(now(), bans.isBanned);
    if (candidate !== undefined) return Effect.succeed(candidate);
    const wait = Math.max(Math.ceil(book.nextDue() - now()), 1);
    const something = Deferred.await(woken);
    return Effect.andThen(wait === Infinity ? something : Effect.timeoutOption(something, wait), next);
  });

  const candidates: Candidates = {
    add,
    addAll: Stream.runForEachArray((batch) => Effect.sync(() => batch.forEach(add))),
    next,
    connected: book.connected,
    disconnected: (address, outcome) => {
      book.disconnected(address, outcome, now());
      wake();
    },
    ours: book.ours,
    forget: book.forget,
    isExhausted: () => book.nextDue() > now(),
    known: book.known,
  };
  return candidates;
});
