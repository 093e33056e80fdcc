/** Measures the RC4 of the program by itself: nothing but the loop, over bytes that are in the cache. */
import { makeRc4 } from "../src/schema/rc4.ts";

const chunk = new Uint8Array(128 * 1024);
const total = 256 * 1024 * 1024;

/** CPU seconds per GiB of one run. */
export const cipherSeconds = (): number => {
  const cipher = makeRc4(new Uint8Array(20).fill(7));
  const before = process.cpuUsage();
  for (let done = 0; done < total; done += chunk.length) cipher.apply(chunk, chunk);
  const { user, system } = process.cpuUsage(before);
  return ((user + system) / 1e6) * (1024 ** 3 / total);
};
