/**
 * Hashes pieces that are on disk, on all cores where there is enough to hash. The main thread takes part. Where files are slow it has them read by Node's pool,
 * the next bytes while it hashes the last ones, into two buffers that are used again and again; where they are in memory it reads them itself, as the other threads
 * do, for then the pool takes time of a core that hashes. Which pieces are worth it, and what their digests should be, is decided elsewhere.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import type { StorageError } from "../schema/errors/StorageError.ts";
import { pieceOffset, type Shape } from "../schema/geometry.ts";
import * as Bitfield from "../schema/bitfield.ts";
import type { PieceDigest } from "../schema/pieceHashes.ts";
import { Hasher } from "../services/Hasher.ts";
import { pageBuffer } from "../services/pageBuffer.ts";
import { type HashJob, HashThreads, type HashThread } from "../services/HashThreads/HashThreads.ts";
import { digestInOrder, type PieceRecipe, type Reach, readsOf, recipeOf } from "../services/pieceDigest.ts";
import type { OpenStorage } from "../services/Storage/Storage.ts";
import { monotonicMillis } from "../services/time.ts";

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

/** Bytes of a job of several pieces at the most: what is done for each takes a third of a millisecond, for hashing leaves nothing of the program in a core's cache. */
const JOB_LENGTH = 16 * 1024 * 1024;
/** Of what is left, a job of several pieces takes so much at the most: then all threads are done at about the same time. */
const JOB_SHARE = 1 / 4;
/** Bytes of a read by the pool: both buffers stay in the cache that cores share. */
const READ_LENGTH = 1024 * 1024;
/** Pieces of a job at the most: small files are opened one by one. */
const JOB_PIECES = 256;

/** Bytes that are worth another thread, which takes about as long to start as these to be hashed. */
const THREAD_WORTH = 32 * 1024 * 1024;
/** Bytes that could be hashed while the main thread opens and closes a file; the others, which may wait for the disk, do so at a fraction of the cost. */
const FILE_WORTH = 64 * 1024;

/** Bytes by which it is found out whether files are quick, ... */
const PROBE_LENGTH = 64 * 1024;
/** ... which are read within so many ms if they are; a disk has to move its heads for longer. */
const PROBE_MILLIS = 1;
/** They still are when so many bytes take no more than a millisecond, ... */
const QUICK_LENGTH = 1024 * 1024;
/** ... and each file no more than so many besides. */
const QUICK_OPENING = 0.2;

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

function* jobsOf(pieces: Iterable<Piece>, total: number): Generator<Job> {
  let job: Array<Piece> = [];
  let length = 0;
  let left = total;
  for (const piece of pieces) {
    const most = Math.min(JOB_LENGTH, left * JOB_SHARE);
    if (job.length > 0 && (length + piece.length > most || job.length === JOB_PIECES)) {
      yield job;
      job = [];
      left -= length;
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

/** Whether so many bytes of a file were there as soon as if they had been in memory. */
const areQuick = (length: number, files: number, millis: number): boolean =>
  millis <= length / QUICK_LENGTH + files * QUICK_OPENING;

/** Hashes on the main thread what the pool reads. Fails when a file cannot be read after all. */
const hashByPool = Effect.fnUntraced(function* (
  jobs: Iterable<Job>,
  shared: Shared,
): Effect.fn.Return<void, StorageError> {
  const steps = stepsOf(jobs, shared);
  const buffers = [pageBuffer(shared.room), pageBuffer(shared.room)];
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

/** A job as it is asked of a thread. */
const questionOf = (job: Job, places: NonNullable<OpenStorage["read"]["places"]>) =>
  Effect.map(
    Effect.forEach(readsOf(job, Infinity), ({ length, offset }) => places(offset, length)),
    (lies): HashJob => ({ pieces: job, places: lies.flat() }),
  );

const enter = (job: Job, digests: ReadonlyArray<PieceDigest>, { advance, onDigest }: Shared): void => {
  for (const [position, digest] of digests.entries()) onDigest(job[position]?.index ?? -1, digest);
  advance(lengthOf(job));
};

/** Whether the pool reads from the files of a job as if they were in memory: its beginning to have the first of them open, and its end to see how long that takes. */
const isQuickNow = Effect.fnUntraced(function* (job: Job, { storage }: Shared) {
  const clock = yield* Clock.Clock;
  const [first] = job;
  const last = job.at(-1);
  if (first === undefined || last === undefined) return false;
  const bytes = new Uint8Array(Math.min(first.length, last.length, PROBE_LENGTH));
  yield* storage.read(first.offset, bytes);
  const begun = monotonicMillis(clock);
  // Of a job of one piece, too, this is something else than what was read a moment ago.
  yield* storage.read(last.offset + last.length - bytes.length, bytes);
  return monotonicMillis(clock) - begun <= PROBE_MILLIS;
});

/** At the most so many jobs, after one that was taken already. */
function* after(first: Job, jobs: Iterator<Job>, more: number): Generator<Job> {
  yield first;
  for (let count = 0; count < more; count++) {
    const next = jobs.next();
    if (next.done === true) return;
    yield next.value;
  }
}

/**
 * Hashes on the main thread: files that are quick at once, others by the pool. Where they were taken for quick and were not, it is looked at them again after twice
 * as many jobs as the last time: the main thread waits for a disk a few times at the most. Fails when a file cannot be read after all.
 */
const hashHere = Effect.fnUntraced(function* (
  jobs: Iterator<Job>,
  shared: Shared,
): Effect.fn.Return<void, StorageError> {
  const { here } = yield* HashThreads;
  const { places } = shared.storage.read;
  let quick = false;
  /** Jobs that the pool has before anybody looks again, and how many it had the last time. */
  let rest = 0;
  let lastRest = 0;
  for (let next = jobs.next(); next.done !== true; next = jobs.next()) {
    const job = next.value;
    if (here === undefined || places === undefined) return yield* hashByPool(after(job, jobs, Infinity), shared);
    quick ||= rest === 0 && (yield* isQuickNow(job, shared));
    const question = yield* questionOf(job, places);
    const found = quick ? yield* here(question) : undefined;
    if (found === undefined) {
      yield* hashByPool(after(job, jobs, rest - 1), shared);
      rest = 0;
    } else {
      enter(job, found.digests, shared);
      quick = areQuick(lengthOf(job), question.places.length, found.reading);
      if (!quick) rest = lastRest = 2 * lastRest + 1;
      yield* Effect.yieldNow;
    }
  }
});

/** Hands jobs to another thread, until there is one that it cannot do: that one is done here, and it gets no other, for each would need buffers here. */
const hashThere = Effect.fnUntraced(function* (jobs: Iterator<Job>, thread: HashThread, shared: Shared) {
  const { places } = shared.storage.read;
  for (let next = jobs.next(); next.done !== true; next = jobs.next()) {
    const job = next.value;
    if (places === undefined) continue;
    const found = yield* thread.hash(yield* questionOf(job, places));
    if (found === undefined) {
      yield* Effect.logDebug("a thread could not hash what it was given; the main one does");
      return yield* hashByPool([job], shared);
    }
    enter(job, found, shared);
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
    const jobs = jobsOf(piecesOf(options), total);
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
