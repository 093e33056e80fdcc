/**
 * How many bytes may come and go: one bucket of tokens for each direction, shared by all downloads of a program and changeable at any time. It delays and
 * counts; who gets how much of it is for the askers to share (streams/pacing.ts, uploads).
 *
 * State: two buckets in the layer's closure; time is the `Clock`'s.
 */
import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Latch from "effect/Latch";
import * as Layer from "effect/Layer";
import * as Semaphore from "effect/Semaphore";
import { monotonicMillis } from "./time.ts";

/** Bytes per second in each direction; absent: no limit. */
export interface Limits {
  readonly download?: number;
  readonly upload?: number;
}

/** Seconds' worth of tokens that a bucket holds: how far a pause may be made up for. */
const BURST_SECONDS = 0.25;
/** Tokens that a bucket holds at least, in bytes: one block, or nothing could ever be asked for. */
const LEAST_BURST = 16_384;

/** The tokens of one direction, in bytes. */
export interface Bucket {
  /** Whether there is a limit now. */
  readonly limited: () => boolean;
  /** Bytes per second; absent without a limit. */
  readonly limit: () => number | undefined;
  /** Tokens that may be spent at once. */
  readonly available: () => number;
  /** Spends tokens; what is not there is owed. */
  readonly spend: (bytes: number) => void;
  /** Waits for its turn and spends: whoever asks first goes first, under the limit of that time; who is interrupted has spent nothing. */
  readonly take: (bytes: number) => Effect.Effect<void>;
}

const makeBucket = (clock: Clock.Clock) => {
  let rate: number | undefined;
  let tokens = 0;
  let filledAt = 0;
  const turns = Semaphore.makeUnsafe(1);
  const changed = Latch.makeUnsafe(false);
  const seconds = (): number => monotonicMillis(clock) / 1000;
  const burstOf = (limit: number): number => Math.max(limit * BURST_SECONDS, LEAST_BURST);
  const fill = (limit: number): void => {
    const now = seconds();
    tokens = Math.min(burstOf(limit), tokens + (now - filledAt) * limit);
    filledAt = now;
  };
  /** Waits until the tokens are there, or as many as there can be, and spends them; for one at a time. */
  const whenThere = (bytes: number): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (rate === undefined) return Effect.void;
      fill(rate);
      const lacking = Math.min(bytes, burstOf(rate)) - tokens;
      if (lacking <= 0) {
        tokens -= bytes;
        return Effect.void;
      }
      Latch.closeUnsafe(changed);
      // in whole milliseconds: what is over is kept, and a rounding error is waited for but once
      const wait = Effect.timeoutOption(Latch.await(changed), Math.ceil((lacking / rate) * 1000));
      return Effect.andThen(wait, whenThere(bytes));
    });
  const bucket: Bucket = {
    limited: () => rate !== undefined,
    limit: () => rate,
    available: () => {
      if (rate === undefined) return Number.POSITIVE_INFINITY;
      fill(rate);
      return tokens;
    },
    spend: (bytes) => {
      if (rate === undefined) return;
      fill(rate);
      tokens -= bytes;
    },
    take: (bytes) =>
      Effect.suspend(() => (rate === undefined ? Effect.void : Semaphore.withPermit(turns, whenThere(bytes)))),
  };
  return {
    bucket,
    set: (limit: number | undefined): void => {
      rate = limit;
      tokens = 0;
      filledAt = seconds();
      Latch.openUnsafe(changed);
    },
  };
};

/** The limits of a program. */
export class Bandwidth extends Context.Service<
  Bandwidth,
  {
    readonly download: Bucket;
    readonly upload: Bucket;
    /** Replaces both limits, from now on. */
    readonly setLimits: (limits: Limits) => Effect.Effect<void>;
  }
>()("bt-effect/services/Bandwidth") {
  /** Begins with these limits. */
  static readonly layerWith = (limits: Limits) =>
    Layer.effect(
      Bandwidth,
      Effect.gen(function* () {
        const clock = yield* Clock.Clock;
        const download = makeBucket(clock);
        const upload = makeBucket(clock);
        const setLimits = (next: Limits) =>
          Effect.sync(() => {
            download.set(next.download);
            upload.set(next.upload);
          });
        yield* setLimits(limits);
        return Bandwidth.of({ download: download.bucket, upload: upload.bucket, setLimits });
      }),
    );
  /** No limits. */
  static readonly layer = Bandwidth.layerWith({});
}
