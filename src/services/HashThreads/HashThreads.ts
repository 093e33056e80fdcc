/**
 * Threads that hash files beside the main one. They open and read the files themselves, so that no piece passes between threads. There need not be any:
 * without them, which is the default, the main thread hashes alone. The live Layer is `workers.ts`.
 */
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { PieceDigest } from "../../schema/pieceHashes.ts";
import type { PieceRecipe } from "../pieceDigest.ts";
import type { Place } from "../Storage/Storage.ts";

/** Pieces to hash, and where the bytes of all of them lie, one after the other. */
export interface HashJob {
  readonly pieces: ReadonlyArray<PieceRecipe>;
  readonly places: ReadonlyArray<Place>;
}

/** One thread. */
export interface HashThread {
  /** The digests in order, without leaves; none when the thread cannot read the files, or is no more: then whoever asks has to find out why. */
  readonly hash: (job: HashJob) => Effect.Effect<ReadonlyArray<PieceDigest> | undefined>;
}

/** What became of a job on the thread that asked. */
export interface HashedHere {
  /** In order, without leaves. */
  readonly digests: ReadonlyArray<PieceDigest>;
  /** How long the reads took, opening the files included, ms. */
  readonly reading: number;
}

/** The threads that may be had. */
export interface HashThreads {
  /** How many are of use beside the main thread. */
  readonly count: number;
  /** Starts one; it ends with the scope, whatever it is doing. Jobs may be given at once, several at a time. */
  readonly start: Effect.Effect<HashThread, never, Scope.Scope>;
  /**
   * Hashes on the thread that asks, which waits for the files itself: only for files that are quick. One job at a time. Nothing when the files cannot be read;
   * absent where nobody can.
   */
  readonly here?: (job: HashJob) => Effect.Effect<HashedHere | undefined>;
}

/** Replaceable by Layer. */
export const HashThreads = Context.Reference<HashThreads>("bt-effect/services/HashThreads", {
  defaultValue: () => ({ count: 0, start: Effect.die(new Error("there are no threads")) }),
});
