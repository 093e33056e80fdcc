/**
 * Hashes pieces that are on disk. The next bytes are read while the last ones are hashed, into two buffers that are used again and again: on a
 * fast disk it runs at the speed of SHA-1. Which pieces are worth it is decided in trust.ts.
 */
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Bitfield from "../schema/bitfield.ts";
import { contradiction, type MetainfoError } from "../schema/errors/MetainfoError.ts";
import { fileOf, pieceLength, pieceOffset, type PieceRange, piecesOf, type Shape } from "../schema/geometry.ts";
import { NODE_LENGTH } from "../schema/merkle.ts";
import type { TorrentInfo } from "../schema/metainfo.ts";
import type { PieceDigest, PieceHashes } from "../schema/pieceHashes.ts";
import type { StorageError } from "../schema/errors/StorageError.ts";
import { Hasher } from "../services/Hasher.ts";
import { feed, makePieceDigests, type PieceDigesting } from "../services/pieceDigest.ts";
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
    // A gap behind a short piece is not read.
    for (let more = 1; more < most && length === more * info.pieceLength && Bitfield.has(pieces, index + 1); more++)
      length += pieceLength(info, ++index);
    yield { offset, length };
  }
}

/** Makes digests of pieces, as their bytes come by in order. */
const makeDigester = (
  shape: Shape,
  hasher: Hasher["Service"],
  onDigest: HashOptions["onDigest"],
): ((chunk: Chunk, bytes: Uint8Array) => void) => {
  const digests = makePieceDigests(shape, hasher);
  let started: PieceDigesting | undefined;
  let taken = 0;

  /** Bytes of one piece, up to its end or not. */
  const part = (index: number, bytes: Uint8Array, ends: boolean): void => {
    if (started === undefined && ends) return onDigest(index, digests.of(index, bytes));
    started ??= digests.begin(index);
    feed(started, taken, bytes);
    taken += bytes.length;
    if (!ends) return;
    onDigest(index, started.digest());
    started = undefined;
    taken = 0;
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
  /** Told of each piece's digest, in order; it is its to keep. */
  readonly onDigest: (index: number, digest: PieceDigest) => void;
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

/** What is looked at. */
export interface LookOptions {
  readonly info: TorrentInfo;
  readonly storage: Pick<OpenStorage, "read">;
  /** Bits of the pieces to look at; all their bytes are on disk. */
  readonly pieces: Uint8Array;
}

/** What is checked, and by what. */
export interface CheckOptions extends LookOptions {
  /** Learns the piece layers of files that are whole on disk. */
  readonly hashes: PieceHashes;
  /** Told of the bytes hashed so far and of all that will be. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Of these pieces those that seem to be written: a look at each, so that the holes of a huge sparse file cost next to nothing. */
export const writtenPieces = ({ info, storage, pieces }: LookOptions): Effect.Effect<Uint8Array, StorageError> =>
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

/**
 * Pieces that there are no hashes for, but for the root of their file: when all of a file has come by, its layer can be proven as a whole. `prove` returns the
 * pieces that are right after all.
 */
const makeUnproven = (info: TorrentInfo, hashes: PieceHashes) => {
  let nodes = new Uint8Array(0);
  let next = -1;
  return {
    prove: (index: number, node: Uint8Array): PieceRange | undefined => {
      const number = fileOf(info, index);
      const file = info.files[number];
      const range = file && piecesOf(info, file);
      if (range === undefined) return undefined;
      if (index === range.first) nodes = new Uint8Array((range.last - range.first + 1) * NODE_LENGTH);
      else if (index !== next) return undefined;
      next = index + 1;
      nodes.set(node, (index - range.first) * NODE_LENGTH);
      return index === range.last && hashes.learnLayer(number, { first: 0, nodes }) !== undefined ? range : undefined;
    },
  };
};

/** Hashes pieces on disk; gives bits of the good ones. Fails when a file cannot be read after all, and for a hybrid whose hashes contradict each other. */
export const checkPieces = ({
  info,
  hashes,
  ...options
}: CheckOptions): Effect.Effect<Uint8Array, StorageError | MetainfoError, Hasher> =>
  Effect.suspend(() => {
    const good = Bitfield.make(info.pieceCount);
    const unproven = makeUnproven(info, hashes);
    let contradicted: number | undefined;
    const onDigest = (index: number, digest: PieceDigest): void => {
      const verdict = hashes.judge(index, digest);
      if (verdict._tag === "Verified") Bitfield.set(good, index);
      else if (verdict._tag === "Contradiction") contradicted ??= index;
      else if (verdict._tag === "HashesMissing" && digest.node !== undefined) {
        const proven = unproven.prove(index, digest.node);
        for (let piece = proven?.first ?? 0; piece <= (proven?.last ?? -1); piece++) Bitfield.set(good, piece);
      }
    };
    return Effect.flatMap(hashPieces({ ...options, shape: info, onDigest }), () =>
      contradicted === undefined ? Effect.succeed(good) : Effect.fail(contradiction(contradicted)),
    );
  });
