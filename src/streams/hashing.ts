/**
 * Hashes pieces that are on disk, on all cores where there is enough to hash. The main thread takes part: it reads the next bytes while it hashes the last
 * ones, into two buffers that are used again and again. Which pieces are worth it, and what their digests should be, is decided elsewhere.
 */
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import type { StorageError } from "../schema/errors/StorageError.ts";
import { pieceOffset, type Shape } from "../schema/geometry.ts";
import * as Bitfield from "../schema/bitfield.ts";
import type { PieceDigest } from "../schema/pieceHashes.ts";
import { Hasher } from "../services/Hasher.ts";
import { HashThreads, type HashThread } from "../services/HashThreads/HashThreads.ts";
import { digestInOrder, type PieceRecipe, type Reach, readsOf, recipeOf } from "../services/pieceDigest.ts";
import type { OpenStorage } from "../services/Storage/Storage.ts";

/** A piece on disk. */
interface Piece extends PieceRecipe {
  readonly index: number;
  /** Where it begins in the torrent, in bytes. */
  readonly offset: number;
}

/** What is hashed, and who is told. */
export interface HashOptions {
  readonly shape: Shape;
  readonly storage: Pick<OpenStorage, "read">;
  /** Bits of the pieces to hash; all their bytes are on disk. */
  readonly pieces: Uint8Array;
  /** Told of each piece, in any order; the bytes are its to keep. */
  readonly onDigest: (index: number, digest: PieceDigest) => void;
  /** Told of the bytes hashed so far and of all that will be. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Pieces that one thread hashes at a time. */
type Job = ReadonlyArray<Piece>;

/** Bytes of a job of several pieces at the most. */
const JOB_LENGTH = 4 * 1024 * 1024;
/** Bytes of a read: both buffers stay in the cache that cores share, and reading from the page cache costs half of what it does into 4 MiB. */
const READ_LENGTH = 1024 * 1024;
/** Pieces of a job at the most: small files are opened one by one. */
const JOB_PIECES = 256;

/** Bytes that are worth another thread, which takes about as long to start as these to be hashed. */
const THREAD_WORTH = 32 * 1024 * 1024;
/** Bytes that could be hashed while the main thread opens and closes a file; the others, which may wait for the disk, do so at a fraction of the cost. */
const FILE_WORTH = 64 * 1024;

/** Jobs that a thread has at a time, so that it need not wait for the main one, which is hashing too. */
const JOBS_AHEAD = 2;

function* piecesOf({ pieces, shape }: HashOptions): Generator<Piece> {
  for (let index = 0; index < shape.pieceCount; index++) {
    if (Bitfield.has(pieces, index)) yield { ...recipeOf(shape, index), index, offset: pieceOffset(shape, index) };
  }
}

const lengthOf = (pieces: Iterable<Piece>): number => {
  let total = 0;
  for (const { length } of pieces) total += length;
  return total;
};

/** How many threads are worth their start for so many bytes, in files that are no fewer where all pieces are hashed. */
const threadsWorth = ({ pieces, shape }: HashOptions, total: number): number => {
  const files = (shape.files.length * Bitfield.count(pieces)) / Math.max(1, shape.pieceCount);
  return Math.floor((total + files * FILE_WORTH) / THREAD_WORTH);
};

function* jobsOf(pieces: Iterable<Piece>): Generator<Job> {
  let job: Array<Piece> = [];
  let length = 0;
  for (const piece of pieces) {
    if (job.length > 0 && (length + piece.length > JOB_LENGTH || job.length === JOB_PIECES)) {
      yield job;
      job = [];
      length = 0;
    }
    job.push(piece);
    length += piece.length;
  }
  if (job.length > 0) yield job;
}

/** A read, and what is done with its bytes. */
interface Step extends Reach {
  readonly take: (bytes: Uint8Array) => void;
}

type Shared = HashOptions & {
  readonly hasher: Hasher["Service"];
  /** Bytes of the longest read. */
  readonly room: number;
  readonly advance: (length: number) => void;
};

function* stepsOf(jobs: Iterable<Job>, { hasher, onDigest }: Shared): Generator<Step> {
  for (const job of jobs) {
    const take = digestInOrder(job, hasher, (position, digest) => onDigest(job[position]?.index ?? -1, digest));
    for (const reach of readsOf(job, READ_LENGTH)) yield { ...reach, take };
  }
}

/** Hashes on the main thread. Fails when a file cannot be read after all. */
const hashHere = Effect.fnUntraced(function* (
  jobs: Iterable<Job>,
  shared: Shared,
): Effect.fn.Return<void, StorageError> {
  const steps = stepsOf(jobs, shared);
  const buffers = [new Uint8Array(shared.room), new Uint8Array(shared.room)];
  const read = (number: number) => {
    const next = steps.next();
    if (next.done === true) return Effect.undefined;
    const step = next.value;
    const bytes = (buffers[number % 2] ?? new Uint8Array(step.length)).subarray(0, step.length);
    const filled = Effect.as(shared.storage.read(step.offset, bytes), { step, bytes });
    return Effect.forkChild(filled, { startImmediately: true });
  };
  let coming = yield* read(0);
  for (let number = 1; coming !== undefined; number++) {
    const { step, bytes } = yield* Fiber.join(coming);
    coming = yield* read(number);
    step.take(bytes);
    shared.advance(bytes.length);
  }
});

/** Hands jobs to another thread, until there is one that it cannot do: that one is done here, and it gets no other, for each would need buffers here. */
const hashThere = Effect.fnUntraced(function* (jobs: Iterable<Job>, thread: HashThread, shared: Shared) {
  const { places } = shared.storage.read;
  for (const job of jobs) {
    const [first] = job;
    if (first === undefined || places === undefined) continue;
    const lies = yield* Effect.forEach(readsOf(job, Infinity), ({ length, offset }) => places(offset, length));
    const found = yield* thread.hash({ pieces: job, places: lies.flat() });
    if (found === undefined) {
      yield* Effect.logDebug("a thread could not hash what it was given; the main one does");
      return yield* hashHere([job], shared);
    }
    for (const [position, digest] of found.entries()) shared.onDigest(job[position]?.index ?? -1, digest);
    shared.advance(lengthOf(job));
  }
});

/** Hashes pieces on disk. Fails when a file cannot be read after all. */
export const hashPieces = (options: HashOptions): Effect.Effect<void, StorageError, Hasher> =>
  Effect.gen(function* () {
    const threads = yield* HashThreads;
    const total = lengthOf(piecesOf(options));
    let done = 0;
    options.onProgress?.(done, total);
    const shared: Shared = {
      ...options,
      hasher: yield* Hasher,
      room: Math.min(total, READ_LENGTH),
      advance: (length) => {
        done += length;
        options.onProgress?.(done, total);
      },
    };
    // One generator, from which each takes the next.
    const all = jobsOf(piecesOf(options));
    const jobs: Iterable<Job> = { [Symbol.iterator]: () => ({ next: () => all.next() }) };
    const count = options.storage.read.places === undefined ? 0 : Math.min(threads.count, threadsWorth(options, total));
    if (count > 0) yield* Effect.logDebug(`hashing on ${count + 1} threads`);
    const beside = Array.from({ length: count }, () =>
      Effect.flatMap(threads.start, (thread) =>
        Effect.all(
          Array.from({ length: JOBS_AHEAD }, () => hashThere(jobs, thread, shared)),
          { concurrency: "unbounded", discard: true },
        ),
      ),
    );
    yield* Effect.all([...beside, hashHere(jobs, shared)], { concurrency: "unbounded", discard: true });
  }).pipe(Effect.scoped);
