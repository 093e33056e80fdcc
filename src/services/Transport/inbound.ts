/**
 * The receiving half of a connection: hands what a socket reads to `read` or to `receive`, and says when to stop reading.
 * It is not a socket: its owner pushes bytes in and is asked to resume. One fiber reads at a time.
 *
 * Life cycle: idle (nothing is read) until the first `read` or `receive`, then flowing or paused until `end`.
 */
import * as Arr from "effect/Array";
import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import type * as Pull from "effect/Pull";
import { TransportError } from "../../schema/errors/TransportError.ts";
import { MAX_WAITING_MESSAGES, READ_BYTES } from "./limits.ts";
import type { Connection, Decode } from "./Transport.ts";

/** What the owner of the socket calls, and the two reading members of the connection. */
export interface Inbound extends Pick<Connection, "read" | "receive"> {
  /** Takes what was read, valid during the call only. `false`: stop reading until `resume` is called. */
  readonly push: (bytes: Uint8Array) => boolean;
  /** Nothing more comes: the other side closed cleanly (`undefined`) or the connection failed. Only the first call counts. */
  readonly end: (error: TransportError | undefined) => void;
}

type Ending = { readonly error: TransportError | undefined };

const NOTHING = new Uint8Array(0);

/**
 * Builds the receiving half of the connection to `remote`, which starts out paused. `resume` starts reading again; it must
 * not push before it returns.
 */
export const makeInbound = (remote: string, resume: () => void): Inbound => {
  let flowing = false;
  let ending: Ending | undefined;
  let wake: (() => void) | undefined;
  let retained: Uint8Array = NOTHING;
  let wanted = 0;

  const flow = (): void => {
    if (flowing || ending !== undefined) return;
    flowing = true;
    resume();
  };
  // The woken fiber looks for itself at what there is, so that nothing is lost with a fiber that was interrupted meanwhile.
  const wakeReader = (): void => {
    const reader = wake;
    wake = undefined;
    reader?.();
  };
  const waitThen = <A, E>(next: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.callback<A, E>((done) => {
      const reader = () => done(next);
      wake = reader;
      flow();
      return Effect.sync(() => {
        if (wake === reader) wake = undefined;
      });
    });

  const retain = (bytes: Uint8Array): void => {
    const joined = new Uint8Array(retained.length + bytes.length);
    joined.set(retained);
    joined.set(bytes, retained.length);
    retained = joined;
    flowing = retained.length < wanted;
    if (!flowing) wakeReader();
  };
  let take = retain;

  const read = (length: number): Effect.Effect<Uint8Array, TransportError> =>
    length > READ_BYTES
      ? Effect.die(new RangeError(`read takes at most ${READ_BYTES} bytes, not ${length}`))
      : Effect.suspend(() => {
          if (retained.length >= length) {
            const taken = retained.slice(0, length);
            retained = retained.subarray(length);
            return Effect.succeed(taken);
          }
          if (ending !== undefined)
            return Effect.fail(ending.error ?? new TransportError({ address: remote, reason: { _tag: "Closed" } }));
          wanted = length;
          return waitThen(read(length));
        });

  const receive = <A, E>(decode: Decode<A, E>) =>
    Effect.sync(() => {
      let ready: Array<A> = [];
      let failure: { readonly error: E } | undefined;

      const feed = (bytes: Uint8Array): boolean => {
        if (failure !== undefined) return false;
        const error = decode(bytes, ready);
        if (error !== undefined) failure = { error };
        return failure === undefined && ready.length <= MAX_WAITING_MESSAGES;
      };
      take = (bytes) => {
        flowing = feed(bytes);
        if (ready.length > 0 || failure !== undefined) wakeReader();
      };
      const pull: Pull.Pull<Arr.NonEmptyReadonlyArray<A>, E | TransportError> = Effect.suspend(() => {
        if (Arr.isArrayNonEmpty(ready)) {
          const batch = ready;
          ready = [];
          if (failure === undefined) flow();
          return Effect.succeed(batch);
        }
        if (failure !== undefined) return Effect.fail(failure.error);
        if (ending !== undefined) return ending.error === undefined ? Cause.done() : Effect.fail(ending.error);
        return pullLater;
      });
      const pullLater = waitThen(pull);

      const rest = retained;
      retained = NOTHING;
      if (rest.length === 0 || feed(rest)) flow();
      return pull;
    });

  return {
    read,
    receive,
    push: (bytes) => {
      if (ending !== undefined) return false;
      take(bytes);
      return flowing;
    },
    end: (error) => {
      if (ending !== undefined) return;
      ending = { error };
      flowing = false;
      wakeReader();
    },
  };
};
