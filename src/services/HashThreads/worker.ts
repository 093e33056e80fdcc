/** What runs in a thread of `workers.ts`: hashes the jobs that it is sent. On the main thread it is loaded for its address alone. */
import { parentPort, workerData } from "node:worker_threads";
import { hashJob, jobBuffer } from "./hashJob.ts";
import { type Answer, packDigests, type Question, unpackRecipes } from "./messages.ts";
import { MARK } from "./thread.ts";

/** The address of this module, wherever it was put by whatever built the program. */
export const address = import.meta.url;

const run = ({ places, recipes }: Question, buffer: Uint8Array): Uint8Array => {
  const pieces = unpackRecipes(recipes);
  const { add, packed } = packDigests(pieces);
  const steps = hashJob({ pieces, places }, buffer, add);
  while (steps.next().done !== true);
  return packed;
};

if (parentPort !== null && workerData === MARK) {
  const port = parentPort;
  const buffer = jobBuffer();
  port.on("message", (question: Question) => {
    let answer: Answer = { id: question.id, digests: undefined };
    try {
      answer = { id: question.id, digests: run(question, buffer) };
    } catch {
      // The main thread tries itself, and then has the error with all that people need to know.
    }
    port.postMessage(answer);
  });
}
