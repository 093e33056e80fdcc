/**
 * What runs in a thread of `workers.ts`: reads the pieces of a job and hashes them, at most `READ_LENGTH` bytes in memory. Without Effect, so that it is there
 * within milliseconds. On the main thread it is loaded for its address alone.
 */
import * as Fs from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { digests } from "../digests.ts";
import { digestInOrder, type PieceRecipe, readsOf } from "../pieceDigest.ts";
import type { Place } from "../Storage/Storage.ts";
import { type Answer, packDigests, type Question, unpackRecipes } from "./messages.ts";

/** The address of this module, wherever it was put by whatever built the program. */
export const address = import.meta.url;

/** By this the thread knows that it is one of these, and not one in which somebody runs the whole program. */
export const MARK = "bt-effect/hash-thread";

/** Bytes of a read: they are still in the cache of the core when they are hashed. */
const READ_LENGTH = 256 * 1024;

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = Fs.constants;

/** Fills buffers with the bytes of the places, one place after the other; one file is open at a time. */
const makeReader = (places: ReadonlyArray<Place>) => {
  let number = 0;
  let passed = 0;
  let fd: number | undefined;

  const close = (): void => {
    if (fd !== undefined) Fs.closeSync(fd);
    fd = undefined;
  };

  const readSome = (place: Place, into: Uint8Array): number => {
    const { file } = place;
    if (file === undefined) return into.fill(0).length;
    fd ??= Fs.openSync(file.path, O_RDONLY | O_NONBLOCK | (file.named ? 0 : O_NOFOLLOW));
    const count = Fs.readSync(fd, into, 0, into.length, file.position + passed);
    if (count === 0) throw new Error("the file ends early");
    return count;
  };

  const fill = (into: Uint8Array): void => {
    for (let from = 0; from < into.length;) {
      const place = places[number];
      if (place === undefined) throw new RangeError("more bytes than places");
      const count = readSome(place, into.subarray(from, from + place.length - passed));
      from += count;
      passed += count;
      if (passed < place.length) continue;
      close();
      number += 1;
      passed = 0;
    }
  };
  return { fill, close };
};

/** The pieces one after the other, as the places are. */
function* inOrder(pieces: ReadonlyArray<PieceRecipe>) {
  let offset = 0;
  for (const { length } of pieces) {
    yield { offset, length };
    offset += length;
  }
}

const run = ({ places, recipes }: Question, buffer: Uint8Array): Uint8Array => {
  const pieces = unpackRecipes(recipes);
  const { add, packed } = packDigests(pieces);
  const take = digestInOrder(pieces, digests, (_, digest) => add(digest));
  const { close, fill } = makeReader(places);
  try {
    for (const { length } of readsOf(inOrder(pieces), buffer.length)) {
      const bytes = buffer.subarray(0, length);
      fill(bytes);
      take(bytes);
    }
  } finally {
    close();
  }
  return packed;
};

if (parentPort !== null && workerData === MARK) {
  const port = parentPort;
  const buffer = new Uint8Array(READ_LENGTH);
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
