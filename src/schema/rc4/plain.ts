/** RC4 in plain JavaScript, for where there is no WebAssembly. */
import { type Rc4, schedule } from "./schedule.ts";

/** A stream at its beginning. */
export const makePlainRc4 = (key: Uint8Array): Rc4 => {
  // 32 bits an entry: stores of single bytes that are read back at once cost half as much again
  const state = Int32Array.from(schedule(key));
  let nextI = 0;
  let nextJ = 0;
  return {
    apply: (from, to) => {
      // variables of the call's own stay in registers
      let i = nextI;
      let j = nextJ;
      for (let at = 0; at < from.length; at++) {
        i = (i + 1) & 255;
        const x = state[i] ?? 0;
        j = (j + x) & 255;
        const y = state[j] ?? 0;
        state[i] = y;
        state[j] = x;
        to[at] = (from[at] ?? 0) ^ (state[(x + y) & 255] ?? 0);
      }
      nextI = i;
      nextJ = j;
    },
  };
};
