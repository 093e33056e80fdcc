/**
 * Hashes pieces that are on disk. The next bytes are read while the last ones are hashed, into two buffers that are used again and again: on a
 * fast disk it runs at the speed of SHA-1. Which pieces are worth it is decided in trust.ts.
 */
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Bitfield from "../schema/bitfield.ts";
import { pieceLength, pieceOffset, type Shape } from "../schema/geometry.ts";
import type { TorrentInfo } from "../schema/metainfo.ts";
import { isHashOf } from "../schema/pieceHashes.ts";
import type { StorageError } from "../schema/errors/StorageError.ts";
import { Hasher, type Digesting } from "../services/Hasher.ts";
import type { OpenStorage } from "../services/Storage/Storage.ts";

/** Bytes of a read; several small pieces at a time, or part of a big one. */
const READ_LENGTH = 4 * 1024 * 1024;

/** A piece whose first bytes are zeros was hardly ever written: where it was nevertheless, it is fetched once more. */
const LOOK_LENGTH = 512;

/** Bytes that are read together: whole pieces that follow one another, or a part of one piece. */
interface Chunk {
  readonly offset: number;
  readonly length: number;
}

/** Cuts the pieces of a set into chunks, in order. */
function* chunksOf(info: Shape, pieces: Uint8Array): Generator<Chunk> {
  const most = Math.max(1, Math.floor(READ_LENGTH / info.pieceLength));
  for (let index = 0; index < info.pieceCount; index++) {
    if (!Bitfield.has(pieces, index)) continue;
    const offset = pieceOffset(info, index);
    let length = pieceLength(info, index);
    if (length > READ_LENGTH) {
      for (let from = 0; from < length; from += READ_LENGTH) {
        yield { offset: offset + from, length: Math.min(READ_LENGTH, length - from) };
      }
      continue;
    }
    for (let more = 1; more < most && Bitfield.has(pieces, index + 1); more++) length += pieceLength(info, ++index);
    yield { offset, length };
  }
}

/** Makes digests of pieces, as their bytes come by in order. */
const makeDigester = (
  shape: Shape,
  hasher: Hasher["Service"],
  onDigest: (index: number, digest: Uint8Array) => void,
): ((chunk: Chunk, bytes: Uint8Array) => void) => {
  let started: Digesting | undefined;

  /** Bytes of one piece, up to its end or not. */
  const part = (index: number, bytes: Uint8Array, ends: boolean): void => {
    if (started === undefined && ends) return onDigest(index, hasher.sha1(bytes));
    started ??= hasher.begin();
    started.update(bytes);
    if (!ends) return;
    onDigest(index, started.digest());
    started = undefined;
  };

  return ({ offset, length }, bytes) => {
    for (let from = 0; from < length;) {
      const index = Math.floor((offset + from) / shape.pieceLength);
      const end = pieceOffset(shape, index) + pieceLength(shape, index) - offset;
      const to = Math.min(end, length);
      part(index, bytes.subarray(from, to), to === end);
      from = to;
    }
  };
};

/** What is hashed, and who is told. */
export interface HashOptions {
  readonly shape: Shape;
  readonly storage: Pick<OpenStorage, "read">;
  /** Bits of the pieces to hash; all their bytes are on disk. */
  readonly pieces: Uint8Array;
  /** Told of each piece's SHA-1, in order; the bytes are its to keep. */
  readonly onDigest: (index: number, digest: Uint8Array) => void;
  /** Told of the bytes hashed so far and of all that will be. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Hashes pieces on disk, in order. Fails when a file cannot be read after all. */
export const hashPieces = ({
  shape,
  storage,
  pieces,
  onDigest,
  onProgress,
}: HashOptions): Effect.Effect<void, StorageError, Hasher> =>
  Effect.gen(function* () {
    const take = makeDigester(shape, yield* Hasher, onDigest);
    const chunks = [...chunksOf(shape, pieces)];
    const total = chunks.reduce((sum, { length }) => sum + length, 0);
    const room = chunks.reduce((most, { length }) => Math.max(most, length), 0);
    const buffers = [new Uint8Array(room), new Uint8Array(chunks.length > 1 ? room : 0)] as const;

    const read = (number: number) => {
      const chunk = chunks[number];
      const bytes = buffers[number % 2 === 0 ? 0 : 1].subarray(0, chunk?.length ?? 0);
      const filled = chunk === undefined ? Effect.void : storage.read(chunk.offset, bytes);
      return Effect.forkChild(Effect.as(filled, bytes), { startImmediately: true });
    };

    let done = 0;
    onProgress?.(done, total);
    let next = yield* read(0);
    for (const [number, chunk] of chunks.entries()) {
      const bytes = yield* Fiber.join(next);
      next = yield* read(number + 1);
      take(chunk, bytes);
      done += chunk.length;
      onProgress?.(done, total);
    }
  });

/** Options of `checkPieces`. */
export interface CheckOptions {
  readonly info: TorrentInfo;
  readonly storage: Pick<OpenStorage, "read">;
  /** Bits of the pieces to hash; all their bytes are on disk. */
  readonly pieces: Uint8Array;
  /** Told of the bytes hashed so far and of all that will be. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Of these pieces those that seem to be written: a look at each, so that the holes of a huge sparse file cost next to nothing. */
export const writtenPieces = ({ info, storage, pieces }: CheckOptions): Effect.Effect<Uint8Array, StorageError> =>
  Effect.gen(function* () {
    const written = Bitfield.make(info.pieceCount);
    const buffer = new Uint8Array(LOOK_LENGTH);
    for (let index = 0; index < info.pieceCount; index++) {
      if (!Bitfield.has(pieces, index)) continue;
      const bytes = buffer.subarray(0, Math.min(LOOK_LENGTH, pieceLength(info, index)));
      yield* storage.read(pieceOffset(info, index), bytes);
      if (bytes.some((byte) => byte !== 0)) Bitfield.set(written, index);
    }
    return written;
  });

/** Hashes pieces on disk; gives bits of the good ones. Fails when a file cannot be read after all. */
export const checkPieces = ({ info, ...options }: CheckOptions): Effect.Effect<Uint8Array, StorageError, Hasher> =>
  Effect.suspend(() => {
    const good = Bitfield.make(info.pieceCount);
    const onDigest = (index: number, digest: Uint8Array): void => {
      if (isHashOf(info.pieces, index, digest)) Bitfield.set(good, index);
    };
    return Effect.as(hashPieces({ ...options, shape: info, onDigest }), good);
  });
