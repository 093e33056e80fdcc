/**
 * Measures RC4 by itself, the program's and a plain loop in JavaScript: nothing but the loop, over as many bytes as are read at once, in a thread of its own. A second
 * thread does the same at the same time, for that is what the peer's core does while the program deciphers; two cores at work are slower than one.
 */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { makePlainRc4 } from "../src/schema/rc4/plain.ts";
import { makeRc4, rc4Room } from "../src/schema/rc4.ts";

/** Whose loop: what the program uses, or the simplest one. */
export type Loop = "ours" | "plain";

const total = 256 * 1024 * 1024;

/** CPU seconds per GiB of this thread. */
const run = (loop: Loop): number => {
  const chunk = rc4Room(256 * 1024);
  const cipher = (loop === "ours" ? makeRc4 : makePlainRc4)(new Uint8Array(20).fill(7));
  const before = process.threadCpuUsage();
  for (let done = 0; done < total; done += chunk.length) cipher.apply(chunk, chunk);
  const { user, system } = process.threadCpuUsage(before);
  return ((user + system) / 1e6) * (1024 ** 3 / total);
};

/** CPU seconds per GiB of one run. */
export const cipherSeconds = async (loop: Loop): Promise<number> => {
  const both = [1, 2].map(async () => {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    new Worker(new URL(import.meta.url), { workerData: loop }).once("message", resolve).once("error", reject);
    return promise;
  });
  const [first = NaN, second = NaN] = await Promise.all(both);
  return (first + second) / 2;
};

if (!isMainThread && parentPort !== null) {
  const port = parentPort;
  // `cipherSeconds` gave it.
  port.postMessage(run(workerData as Loop));
}
