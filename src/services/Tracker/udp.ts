/**
 * Announces and scrapes over UDP (BEP 15, 41) through the shared port: connection ids, retransmission, and the matching of answers by transaction and
 * source. The packets are `schema/trackerUdp.ts`.
 *
 * Life cycle: one receiver on the shared port and the connection ids, as long as the scope it is made in.
 */
import * as Arr from "effect/Array";
import * as Clock from "effect/Clock";
import * as Deferred from "effect/Deferred";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Dns from "effect/net/Dns";
import * as NetAddress from "effect/net/NetAddress";
import * as Option from "effect/Option";
import * as Random from "effect/Random";
import * as Result from "effect/Result";
import type { TrackerReason } from "../../schema/errors/TrackerError.ts";
import { TrackerSettings } from "../../schema/settings.ts";
import type { InfoHash } from "../../schema/infoHash.ts";
import { decodeUdpScrape, encodeUdpScrape, NO_COUNTS, type ScrapeCounts } from "../../schema/scrape.ts";
import type { AnnounceRequest, AnnounceResponse } from "../../schema/tracker.ts";
import {
  decodeAnswer,
  encodeAnnounce,
  encodeConnect,
  transactionOf,
  udpTarget,
  type UdpAnswer,
  type UdpTarget,
} from "../../schema/trackerUdp.ts";
import { Datagrams } from "../Datagrams/Datagrams.ts";
import { isNamed, mayBe, type Recipient, sendTo } from "../Datagrams/recipient.ts";
import { monotonicMillis } from "../time.ts";
import { firstCounts, joinAnnounces, overFamilies } from "./families.ts";
import { formatHostPort } from "../../schema/hostPort.ts";

/** Connection ids kept: more trackers than any session speaks with in a minute. */
const MAX_CONNECTIONS = 512;

/** What may come back: an answer to a connect or an announce, or the counts that were asked for. */
type Answer = UdpAnswer | { readonly _tag: "Scraped"; readonly counts: ScrapeCounts };

/** A packet that waits for its answer. */
interface Waiting {
  readonly to: Recipient;
  readonly read: Read;
  readonly answer: Deferred.Deferred<Answer>;
}

/** Reads an answer; undefined for bytes that are none. */
type Read = (bytes: Uint8Array, family: NetAddress.IpFamily) => Answer | undefined;

const keyOf = (to: Recipient): string => (isNamed(to) ? formatHostPort(to) : NetAddress.formatInet(to));

/** What is asked of a tracker once a connection id is there: the packet, its answers, and what is wanted of them. */
interface Question<A> {
  readonly encode: (envelope: { readonly connectionId: bigint; readonly transactionId: number }) => Uint8Array;
  readonly read: Read;
  readonly take: (answer: Answer) => A | undefined;
}

const malformed = (why: string) => Effect.fail<TrackerReason>({ _tag: "Malformed", why });

/** Makes the functions that announce to and scrape one udp URL, over each address family that both sides have. */
export const makeUdp = Effect.gen(function* () {
  const datagrams = yield* Datagrams;
  const dns = yield* Dns.Dns;
  const settings = yield* TrackerSettings;
  const waiting = new Map<number, Waiting>();
  const connections = new Map<string, { readonly id: bigint; readonly expires: number }>();

  yield* datagrams.receive((bytes, from) => {
    const transaction = transactionOf(bytes);
    const slot = transaction === undefined ? undefined : waiting.get(transaction);
    if (slot === undefined || !mayBe(slot.to, from)) return false;
    const answer = slot.read(bytes, NetAddress.familyOf(from));
    if (answer === undefined) return false;
    Deferred.doneUnsafe(slot.answer, Effect.succeed(answer));
    return true;
  });

  /** Sends one packet and waits for its answer; none when the answer does not come in time. */
  const transmit = (
    to: Recipient,
    seconds: number,
    { packet, read }: { readonly packet: (transactionId: number) => Uint8Array; readonly read: Read },
  ) =>
    Effect.gen(function* () {
      const transactionId = (yield* Random.nextIntBetween(0, 0x1_0000_0000)) >>> 0;
      const answer = yield* Deferred.make<Answer>();
      waiting.set(transactionId, { to, read, answer });
      return yield* sendTo(datagrams, to, packet(transactionId)).pipe(
        Effect.mapError((cause): TrackerReason => ({ _tag: "Unreachable", cause })),
        Effect.andThen(Deferred.await(answer)),
        Effect.timeoutOption(Duration.seconds(seconds)),
        Effect.ensuring(Effect.sync(() => waiting.delete(transactionId))),
      );
    });

  /** Asks for a connection id, transmitting as often as the settings say. */
  const connect = Effect.fnUntraced(function* (to: Recipient) {
    for (const seconds of settings.retransmit) {
      const answer = Option.getOrUndefined(yield* transmit(to, seconds, { packet: encodeConnect, read: decodeAnswer }));
      if (answer === undefined) continue;
      if (answer._tag === "Error") return yield* Effect.fail<TrackerReason>({ _tag: "Rejected", text: answer.text });
      if (answer._tag !== "Connected") return yield* malformed("it answers a connect with something else");
      const key = keyOf(to);
      const expires = monotonicMillis(yield* Clock.Clock) + settings.connectionIdLife * 1000;
      connections.delete(key);
      connections.set(key, { id: answer.connectionId, expires });
      const [oldest] = connections.keys();
      if (connections.size > MAX_CONNECTIONS && oldest !== undefined) connections.delete(oldest);
      return answer.connectionId;
    }
    return yield* Effect.fail<TrackerReason>({ _tag: "TimedOut" });
  });

  /** Asks at one address. An id kept from before that brings an error or silence is not trusted again. */
  const askAt = Effect.fnUntraced(function* <A>(
    to: Recipient,
    { encode, read, take }: Question<A>,
  ): Effect.fn.Return<A, TrackerReason> {
    const key = keyOf(to);
    let proven = false;
    for (const seconds of settings.retransmit) {
      const kept = connections.get(key);
      const usable = kept !== undefined && kept.expires > monotonicMillis(yield* Clock.Clock);
      proven ||= !usable;
      const connectionId = usable ? kept.id : yield* connect(to);
      const packet = (transactionId: number) => encode({ connectionId, transactionId });
      const answer = yield* transmit(to, seconds, { packet, read });
      if (Option.isSome(answer)) {
        const wanted = take(answer.value);
        if (wanted !== undefined) return wanted;
        if (answer.value._tag !== "Error") return yield* malformed("it answers with something else");
        if (proven) return yield* Effect.fail<TrackerReason>({ _tag: "Rejected", text: answer.value.text });
      }
      if (!proven) connections.delete(key);
    }
    return yield* Effect.fail<TrackerReason>({ _tag: "TimedOut" });
  });

  /** The first address of each family that the host has and this machine speaks; behind a proxy its name. */
  const placesOf = Effect.fnUntraced(function* ({
    hostname,
    port,
  }: UdpTarget): Effect.fn.Return<Arr.NonEmptyReadonlyArray<Recipient>, TrackerReason> {
    const literal = NetAddress.ipFromString(hostname);
    if (datagrams.sendNamed !== undefined && Result.isFailure(literal)) return [{ host: hostname, port }];
    const all = Result.isSuccess(literal)
      ? [literal.success]
      : yield* dns
          .lookup(hostname)
          .pipe(Effect.mapError((): TrackerReason => ({ _tag: "UnknownHost", host: hostname })));
    const ours = new Set(datagrams.addresses.map(NetAddress.familyOf));
    const first = Arr.dedupeWith(all, (a, b) => NetAddress.familyOf(a) === NetAddress.familyOf(b));
    const usable = first.filter((address) => ours.has(NetAddress.familyOf(address)));
    if (Arr.isReadonlyArrayNonEmpty(usable)) {
      return Arr.map(usable, (address) => NetAddress.inetAddressUnsafe(address, port));
    }
    const cause = new Error("this machine has no network of its kind");
    return yield* Effect.fail<TrackerReason>({ _tag: "Unreachable", cause });
  });

  const ask = <A>(
    url: string,
    question: (target: UdpTarget) => Question<A>,
    join: (first: A, others: ReadonlyArray<A>) => A,
  ): Effect.Effect<A, TrackerReason> =>
    Effect.gen(function* () {
      const target = udpTarget(url);
      if (target === undefined) {
        const cause = new Error("its URL is not valid or has no port");
        return yield* Effect.fail<TrackerReason>({ _tag: "Unreachable", cause });
      }
      const places = yield* placesOf(target);
      return yield* overFamilies(
        Arr.map(places, (to) => askAt(to, question(target))),
        join,
      );
    }).pipe(
      Effect.timeoutOrElse({
        duration: Duration.seconds(settings.announceTimeout),
        orElse: () => Effect.fail<TrackerReason>({ _tag: "TimedOut" }),
      }),
    );

  return {
    announce: (url: string, request: AnnounceRequest): Effect.Effect<AnnounceResponse, TrackerReason> => {
      const question = ({ urlData }: UdpTarget): Question<AnnounceResponse> => ({
        encode: (envelope) => encodeAnnounce({ ...envelope, urlData }, request),
        read: decodeAnswer,
        take: (answer) => (answer._tag === "Announced" ? answer.response : undefined),
      });
      return ask(url, question, joinAnnounces);
    },
    scrape: (url: string, infoHash: InfoHash): Effect.Effect<ScrapeCounts, TrackerReason> => {
      const question = (): Question<ScrapeCounts> => ({
        encode: (envelope) => encodeUdpScrape(envelope, [infoHash]),
        read: (bytes, family) => {
          const counts = decodeUdpScrape(bytes, [infoHash]);
          return counts === undefined
            ? decodeAnswer(bytes, family)
            : { _tag: "Scraped", counts: counts.get(infoHash.hex) ?? NO_COUNTS };
        },
        take: (answer) => (answer._tag === "Scraped" ? answer.counts : undefined),
      });
      return ask(url, question, firstCounts);
    },
  };
});
