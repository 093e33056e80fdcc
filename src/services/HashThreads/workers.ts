/**
 * Threads of `node:worker_threads`. Life cycle of one: started with its scope; jobs go in and digests come out by message; ended with the scope, in the
 * middle of whatever it does. The end is waited for, so that no file is read afterwards.
 */
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import { availableParallelism } from "node:os";
import { HashThreads, type HashThread } from "./HashThreads.ts";
import { type Answer, packRecipes, type Question, unpackDigests } from "./messages.ts";

/** Threads at the most: more hash faster than disks read. */
const MOST = 7;

/** Starts a thread, if the system lets there be another one; `answered` is called with each answer, `ended` when none will come any more. */
const spawn = (address: string, mark: string, answered: (answer: Answer) => void, ended: () => void) =>
  Effect.acquireRelease(
    Effect.try(() => {
      const { Worker } = process.getBuiltinModule("node:worker_threads");
      const worker = new Worker(new URL(address), { workerData: mark, execArgv: [] });
      worker.on("message", answered);
      worker.on("error", ended);
      worker.on("exit", ended);
      return worker;
    }),
    (worker) => Effect.promise(() => worker.terminate()),
  ).pipe(
    Effect.tapError((error) => Effect.logDebug("no thread could be started", error)),
    Effect.option,
  );

const start = Effect.gen(function* () {
  const { address, MARK } = yield* Effect.promise(() => import("./worker.ts"));
  const asked = new Map<number, (digests: Uint8Array | undefined) => void>();
  let last = 0;
  let gone = false;
  const answered = ({ digests, id }: Answer): void => {
    asked.get(id)?.(digests);
    asked.delete(id);
  };
  const worker = yield* spawn(address, MARK, answered, () => {
    gone = true;
    for (const id of [...asked.keys()]) answered({ id, digests: undefined });
  });
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

/** As many as there are cores beside the main thread's. */
export const layer: Layer.Layer<never> = Layer.succeed(HashThreads, {
  count: Math.min(MOST, availableParallelism() - 1),
  start,
});
