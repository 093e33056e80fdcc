/**
 * From full runs to pieces that are verified and on disk: check, blame, write. A piece of one run is checked before it is written; one of several runs
 * is written run by run and checked at the end, and counts for nothing until then.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Result from "effect/Result";
import * as Stream from "effect/Stream";
import { DownloadFailed } from "../schema/errors/DownloadError.ts";
import type { StorageError } from "../schema/errors/StorageError.ts";
import { pieceOffset } from "../schema/geometry.ts";
import { isHashOf } from "../schema/pieceHashes.ts";
import { DataSettings } from "../schema/settings.ts";
import { BLOCK_LENGTH } from "../schema/wire.ts";
import { Hasher } from "../services/Hasher.ts";
import type { Filled } from "./assembler/assembler.ts";
import { blockBytes, blockLength, type OpenPiece, runBytes } from "./assembler/openPiece.ts";
import { Blaming } from "./blaming.ts";
import { Swarm, type Torrent } from "./Swarm.ts";
import { monotonicMillis } from "../services/time.ts";

/** Bytes of a piece are read back from disk by this much. */
const READ_BACK = 1024 * 1024;

/** A piece that is verified and on disk; its buffer is still taken. */
export interface Stored {
  readonly piece: OpenPiece;
}

const isGood = ({ info }: Torrent, piece: OpenPiece): boolean =>
  isHashOf(info.pieces, piece.index, piece.digest.digest());

const offsetOf = ({ info }: Torrent, piece: OpenPiece): number => pieceOffset(info, piece.index);

/** The bytes of one block: from memory while they are there, else from disk. */
const readBlock = Effect.fnUntraced(function* (torrent: Torrent, piece: OpenPiece, block: number) {
  const held = blockBytes(piece, block);
  if (held !== undefined) return held;
  const bytes = new Uint8Array(blockLength(piece.length, block));
  yield* torrent.storage.read(offsetOf(torrent, piece) + block * BLOCK_LENGTH, bytes);
  return bytes;
});

/** Hashes what went to disk before the digest got to it. */
const finishDigest = Effect.fnUntraced(function* (torrent: Torrent, piece: OpenPiece) {
  for (let at = piece.hashed * BLOCK_LENGTH; at < piece.length; at += READ_BACK) {
    const bytes = new Uint8Array(Math.min(READ_BACK, piece.length - at));
    yield* torrent.storage.read(offsetOf(torrent, piece) + at, bytes);
    piece.digest.update(bytes);
  }
});

const blockDigests = Effect.fnUntraced(function* (torrent: Torrent, piece: OpenPiece) {
  const hasher = yield* Hasher;
  const digests: Array<Uint8Array> = [];
  for (let block = 0; block < piece.blockCount; block++)
    digests.push(hasher.sha1(yield* readBlock(torrent, piece, block)));
  return digests;
});

/** The piece is wrong: names who can be named, and has it fetched again. */
const reject = Effect.fnUntraced(function* (torrent: Torrent, piece: OpenPiece) {
  const blaming = yield* Blaming;
  const digests = yield* blockDigests(torrent, piece);
  const blocks = digests.map((digest, block) => ({
    begin: block * BLOCK_LENGTH,
    peer: piece.from[block]?.address,
    digest,
  }));
  // Padding is from nobody and right: it must not hide a sole contributor.
  yield* blaming.failed(
    piece.index,
    blocks.filter(({ peer }, block) => peer !== undefined || !piece.isPad(block)),
  );
  torrent.assembler.failed(piece);
  const hopeless = blaming.hopeless(piece.index);
  if (Option.isSome(hopeless))
    return yield* new DownloadFailed({
      name: torrent.info.name,
      reason: { _tag: "BadPiece", index: piece.index, times: hopeless.value },
    });
  return Option.none<Stored>();
});

/** The piece is right: if it was wrong before, its liars can be told now. */
const accept = Effect.fnUntraced(function* (torrent: Torrent, piece: OpenPiece) {
  const blaming = yield* Blaming;
  if (blaming.suspect(piece.index)) {
    const digests = yield* blockDigests(torrent, piece);
    yield* blaming.verified(piece.index, (begin) => digests[begin / BLOCK_LENGTH]);
  }
  return Option.some<Stored>({ piece });
});

const storeWhole = Effect.fnUntraced(function* (torrent: Torrent, piece: OpenPiece, bytes: Uint8Array) {
  if (!isGood(torrent, piece)) return yield* reject(torrent, piece);
  yield* torrent.storage.write(offsetOf(torrent, piece), bytes);
  return yield* accept(torrent, piece);
});

const storeRun = Effect.fnUntraced(function* (torrent: Torrent, { piece, run }: Filled, bytes: Uint8Array) {
  yield* torrent.storage.write(offsetOf(torrent, piece) + run * piece.runBlocks * BLOCK_LENGTH, bytes);
  torrent.touched();
  torrent.assembler.runWritten(piece, run);
  // Its buffer is free for whoever had none, who would not hear of it otherwise.
  (yield* Swarm).wake(monotonicMillis(yield* Clock.Clock));
  if (piece.runsWritten < piece.runCount) return Option.none<Stored>();
  yield* finishDigest(torrent, piece);
  return yield* isGood(torrent, piece) ? accept(torrent, piece) : reject(torrent, piece);
});

const store = Effect.fnUntraced(function* (filled: Filled) {
  const torrent = (yield* Swarm).torrent();
  const bytes = runBytes(filled.piece, filled.run);
  if (torrent === undefined || bytes === undefined) return Option.none<Stored>();
  return yield* filled.piece.runCount === 1
    ? storeWhole(torrent, filled.piece, bytes)
    : storeRun(torrent, filled, bytes);
});

/** Checks and writes, several at a time; what does not pass its check is dropped and fetched again. */
export const verifiedPieces = <E, R>(
  runs: Stream.Stream<Filled, E, R>,
): Stream.Stream<Stored, E | StorageError | DownloadFailed, R | Swarm | Blaming | Hasher> =>
  Stream.unwrap(
    Effect.map(DataSettings, ({ writes }) =>
      runs.pipe(
        Stream.mapEffect(store, { concurrency: writes, unordered: true }),
        Stream.filterMap((stored) => Result.fromOption(stored, () => undefined)),
      ),
    ),
  );
