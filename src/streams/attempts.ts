/**
 * In which order a candidate is tried until it understands: under which name of the torrent (a hybrid has two), encrypted or not, and by TCP or uTP. Only one
 * that hung up before there was a link may have failed to understand; who is not there, or will not have us, is not tried again here.
 *
 * The kind of connection changes last, and once: most that hang up want encryption or have no place whichever kind it is, and the kind that answered first is the
 * better one. So no candidate is dialled more than twice under each name, and then twice under one name by the other kind.
 */
import * as Arr from "effect/Array";
import * as Effect from "effect/Effect";
import type { Dial, Transport } from "../services/Transport/Transport.ts";
import type { Candidate } from "./addressBook.ts";
import type { Encryption, Failure, Way } from "./encryption.ts";
import type { Manner } from "./handshaking.ts";
import type { Names } from "./names.ts";

/**
 * How long the other kind may take to connect, in milliseconds: the machine answers, so that silence means that it has but one. It is time for a first packet
 * that was lost; more would keep the places of those who dial for all that are merely full.
 */
const OTHER_KIND_TIMEOUT = 2_000;

/** What there is to be tried. */
export interface Attempts {
  readonly candidate: Pick<Candidate, "address" | "pex">;
  /** `dial` is the first; what may follow is by the one kind that answered it, and then by the other, where these can be dialled alone. */
  readonly transport: Pick<Transport["Service"], "dial" | "dialTcp" | "dialUtp">;
  readonly encryption: Pick<Encryption, "inOrder" | "understood">;
  readonly names: Pick<Names, "inOrder" | "understood">;
}

/** The other side hung up: it did not understand, rather than not be there. */
const isHungUp = (failure: Failure): boolean =>
  failure._tag === "TransportError" && (failure.reason._tag === "Closed" || failure.reason._tag === "Reset");

/** The other side did not understand the way, rather than not want us or not be there. */
const isNotUnderstood = (failure: Failure, way: Way): boolean =>
  isHungUp(failure) ||
  (way === "encrypted" && (failure._tag === "BadEncryption" || failure._tag === "HandshakeTimedOut"));

/** Begins with one choice after the other for as long as the failure says that the next may do; fails as the last did. */
const each = <T, A, R>(
  [choice, ...others]: Arr.NonEmptyReadonlyArray<T>,
  begin: (choice: T) => Effect.Effect<A, Failure, R>,
  mayNextDo: (failure: Failure, choice: T) => boolean,
): Effect.Effect<A, Failure, R> =>
  Arr.isReadonlyArrayNonEmpty(others)
    ? Effect.catchIf(
        begin(choice),
        (failure) => mayNextDo(failure, choice),
        () => each(others, begin, mayNextDo),
      )
    : begin(choice);

/** Begins with the candidate in one way after the other until it understands, and remembers what it understood. */
export const inTurn = <A, R>(
  { candidate, encryption, names, transport }: Attempts,
  begin: (dial: Dial, manner: Manner) => Effect.Effect<A, Failure, R>,
): Effect.Effect<A, Failure, R> =>
  Effect.suspend(() => {
    const order = names.inOrder(candidate.address);
    /** By which kind it answered at first. */
    let isUtp: boolean | undefined;
    const alone = (utp: boolean): Dial | undefined => (utp ? transport.dialUtp : transport.dialTcp);

    const inEachManner = (dial: Dial, under: Arr.NonEmptyReadonlyArray<Manner["name"]>) =>
      each(
        under,
        (name) =>
          each(
            encryption.inOrder(candidate),
            (way) =>
              Effect.tap(begin(dial, { name, way }), () => Effect.sync(() => encryption.understood(candidate, way))),
            isNotUnderstood,
          ).pipe(Effect.tap(() => Effect.sync(() => names.understood(candidate.address, name)))),
        isHungUp,
      );
    const first: Dial = (...given) =>
      Effect.suspend(() => {
        if (isUtp !== undefined) return (alone(isUtp) ?? transport.dial)(...given);
        return Effect.tap(transport.dial(...given), ({ kind }) =>
          Effect.sync(() => {
            isUtp = kind === "utp";
          }),
        );
      });
    return Effect.catchIf(inEachManner(first, order), isHungUp, (failure) => {
      const other = isUtp === undefined ? undefined : alone(!isUtp);
      if (other === undefined) return Effect.fail(failure);
      return inEachManner(
        (address, options) => other(address, { ...options, timeout: OTHER_KIND_TIMEOUT }),
        [order[0]],
      ).pipe(
        // That it did not connect either, or hung up once more, says less than that it hung up on the better kind.
        Effect.mapError((error) => (error._tag === "TransportError" ? failure : error)),
      );
    });
  });
