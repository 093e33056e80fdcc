/** Reads the pieces of a job and hashes them, on the thread that calls; without Effect, so that a thread that does nothing else is there within milliseconds. */
import * as Fs from "node:fs";
import { digests } from "../digests.ts";
import { pageBuffer } from "../pageBuffer.ts";
import { digestInOrder, readsOf } from "../pieceDigest.ts";
import type { PieceDigest } from "../../schema/pieceHashes.ts";
import type { Place } from "../Storage/Storage.ts";
import type { HashJob } from "./HashThreads.ts";

/** Bytes of a read: a whole piece is hashed in one call where it is no longer. */
const READ_LENGTH = 1024 * 1024;

/** What `hashJob` reads into, one job at a time. */
export const jobBuffer = (): Uint8Array<ArrayBuffer> => pageBuffer(READ_LENGTH);

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
function* inOrder(pieces: HashJob["pieces"]) {
  let offset = 0;
  for (const { length } of pieces) {
    yield { offset, length };
    offset += length;
  }
}

/**
 * Hashes a job read by read, and yields after each; `onDigest` has the digests in order. Throws when a file cannot be read. Until it is at its end, or
 * was told to return, a file may be open.
 */
export function* hashJob(
  { pieces, places }: HashJob,
  buffer: Uint8Array,
  onDigest: (digest: PieceDigest) => void,
  /** Makes a read; for who wants to know how long they take. */
  make: (read: () => void) => void = (read) => read(),
): Generator<undefined, void> {
  const take = digestInOrder(pieces, digests, (_, digest) => onDigest(digest));
  const { close, fill } = makeReader(places);
  try {
    for (const { length } of readsOf(inOrder(pieces), buffer.length)) {
      const bytes = buffer.subarray(0, length);
      make(() => fill(bytes));
      take(bytes);
      yield;
    }
  } finally {
    close();
  }
}
