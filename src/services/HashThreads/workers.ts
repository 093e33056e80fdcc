/**
 * Threads of `node:worker_threads`. Life cycle of one: started with its scope, or by the launcher; jobs go in and digests come out by message; ended with the
 * scope, in the middle of whatever it does. That is waited for, so that no file is read afterwards.
 */
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import { availableParallelism } from "node:os";
import type { Worker } from "node:worker_threads";
import type { PieceDigest } from "../../schema/pieceHashes.ts";
import { hashJob, jobBuffer } from "./hashJob.ts";
import { HashThreads, type HashedHere, type HashJob, type HashThread } from "./HashThreads.ts";
import { type Answer, packRecipes, type Question, unpackDigests } from "./messages.ts";
import { startThread } from "./thread.ts";

/** The thread that the launcher has started, if it has; not there at all where the program runs from its sources. */
declare const earlyThread: Worker | undefined;

/** Threads at the most: more hash faster than disks read. */
const MOST = 7;

/** The main thread has a turn for everything else when it has hashed for so long, ms; by time, for small files take longer to open than to hash. */
const TURN = 7;

let early = typeof earlyThread === "undefined" ? undefined : earlyThread;

/** The early thread once, if it runs. */
const takeEarly = (): Worker | undefined => {
  const thread = early;
  early = undefined;
  // What a thread has that ended.
  if (thread?.threadId === -1) return undefined;
  // From now on it is waited for.
  thread?.ref();
  return thread;
};

/** Starts a thread, if the system lets there be another one; `answered` is called with each answer, `ended` when none will come any more. */
const spawn = (address: string, answered: (answer: Answer) => void, ended: () => void, isIdle: () => boolean) =>
  Effect.acquireRelease(
    Effect.try(() => {
      const worker = takeEarly() ?? startThread(address);
      worker.on("message", answered);
      worker.on("error", ended);
      worker.on("exit", ended);
      return worker;
    }),
    // One that has nothing to do reads no file: its end takes milliseconds that nobody need wait for.
    (worker) => {
      const end = worker.terminate();
      return isIdle() ? Effect.void : Effect.promise(() => end);
    },
  ).pipe(
    Effect.tapError((error) => Effect.logDebug("no thread could be started", error)),
    Effect.option,
  );

const start = Effect.gen(function* () {
  const { address } = yield* Effect.promise(() => import("./worker.ts"));
  const asked = new Map<number, (digests: Uint8Array | undefined) => void>();
  let last = 0;
  /** Answers that came. */
  let done = 0;
  let gone = false;
  const answered = ({ digests, id }: Answer): void => {
    done += 1;
    asked.get(id)?.(digests);
    asked.delete(id);
  };
  const ended = (): void => {
    gone = true;
    for (const id of [...asked.keys()]) answered({ id, digests: undefined });
  };
  const worker = yield* spawn(address, answered, ended, () => last === done);
  const thread: HashThread = {
    hash: ({ pieces, places }) =>
      Effect.callback((resume) => {
        if (gone || Option.isNone(worker)) return resume(Effect.succeed(undefined));
        const question: Question = { id: ++last, recipes: packRecipes(pieces), places };
        asked.set(question.id, (packed) => resume(Effect.succeed(packed && unpackDigests(pieces, packed))));
        worker.value.postMessage(question, [question.recipes.buffer]);
        return Effect.sync(() => asked.delete(question.id));
      }),
  };
  return thread;
});

/** One at a time has it. */
let buffer: Uint8Array | undefined;

const here = (job: HashJob): Effect.Effect<HashedHere | undefined> =>
  Effect.suspend(() => {
    const found: Array<PieceDigest> = [];
    let reading = 0;
    const steps = hashJob(
      job,
      (buffer ??= jobBuffer()),
      (digest) => void found.push(digest),
      (read) => {
        const begun = performance.now();
        read();
        reading += performance.now() - begun;
      },
    );
    const hashOn = Effect.try(() => {
      const end = performance.now() + TURN;
      do if (steps.next().done === true) return true;
      while (performance.now() < end);
      return false;
    });
    return Effect.gen(function* () {
      while (!(yield* hashOn)) yield* Effect.yieldNow;
      return { digests: found, reading };
    }).pipe(
      Effect.catch(() => Effect.undefined),
      Effect.ensuring(Effect.sync(() => void steps.return())),
    );
  });

/** As many as there are cores beside the main thread's. */
export const layer: Layer.Layer<never> = Layer.succeed(HashThreads, {
  count: Math.min(MOST, availableParallelism() - 1),
  start,
  here,
});
