/**
 * Hostile variants of well-formed bytes: what no generator of arbitrary bytes comes near to, since most of each stays as it was. Every parser of what
 * strangers send is to give a value or its own error of them, soon, and to hold no more than it was given. That each bears arbitrary bytes, too, stands
 * in the tests of its own module.
 */
import { assert, it } from "@effect/vitest";

/** Numbers from 0 to `below`, the same for the same seed. */
export const makeChance = (seed: number): ((below: number) => number) => {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * below);
  };
};

/** Bytes that mean most to parsers: ends of ranges, and what bencoding, HTTP and XML are made of. */
const TELLING = [0x00, 0x01, 0x7f, 0x80, 0xff, ...new TextEncoder().encode("0129-:dlei<>&;/\r\n ")];

/** One variant of `samples`: up to four changes to one of them. */
export const mutate = (samples: ReadonlyArray<Uint8Array>, chance: (below: number) => number): Uint8Array => {
  const pick = (): Uint8Array => samples[chance(samples.length)] ?? new Uint8Array(0);
  let bytes = pick().slice();
  for (let change = chance(4); change >= 0; change--) {
    const at = chance(bytes.length + 1);
    const to = at + chance(bytes.length - at + 1);
    const [before, part, after] = [bytes.subarray(0, at), bytes.subarray(at, to), bytes.subarray(to)];
    switch (chance(6)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << chance(8));
        break;
      case 1:
        bytes[at] = TELLING[chance(TELLING.length)] ?? 0;
        break;
      case 2:
        bytes = Uint8Array.from([...before, ...after]);
        break;
      case 3:
        bytes = Uint8Array.from([...before, ...part, ...part, ...after]);
        break;
      case 4:
        bytes = Uint8Array.from([...before, ...Array.from({ length: chance(64) }, () => chance(256)), ...after]);
        break;
      default: {
        const other = pick();
        bytes = Uint8Array.from([...before, ...other.subarray(chance(other.length + 1))]);
      }
    }
  }
  return bytes;
};

/** The numbers, characters and bytes that a value holds. */
const weigh = (value: unknown): number => {
  if (typeof value === "string" || value instanceof Uint8Array) return value.length;
  if (value instanceof URL) return value.href.length;
  if (value instanceof Map || value instanceof Set) return [...value].reduce((sum, one) => sum + weigh(one), 1);
  if (typeof value !== "object" || value === null) return 1;
  return Object.values(value).reduce((sum, one) => sum + weigh(one), 1);
};

/** Of what it is, well-formed samples, and the reading; that throws when the parser fails in a way that is not its own. */
export type Parser = readonly [string, ReadonlyArray<Uint8Array>, (bytes: Uint8Array) => unknown];

/** Variants of each parser's samples, and the time that all of them may take together in milliseconds. */
const VARIANTS = 4_000;
const TIME = 5_000;

/** Tests of each parser that it bears variants of its samples. */
export const bearMutations = (parsers: ReadonlyArray<Parser>): void => {
  for (const [name, samples, read] of parsers)
    it(`of ${name} gives a value or its error, and nothing larger than it was given`, () => {
      for (const sample of samples) assert.isDefined(read(sample), "a sample is not well-formed");
      const chance = makeChance(name.length);
      const began = performance.now();
      for (let n = 0; n < VARIANTS; n++) {
        const bytes = mutate(samples, chance);
        const before = bytes.slice();
        try {
          const weight = weigh(read(bytes));
          assert.isAtMost(weight, 40 * bytes.length + 400);
          assert.deepStrictEqual(bytes, before);
        } catch (error) {
          throw new Error(`variant ${n}: ${Buffer.from(before).toString("hex")}`, { cause: error });
        }
      }
      assert.isBelow(performance.now() - began, TIME);
    });
};
