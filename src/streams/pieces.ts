/**
 * From full runs to pieces that are verified and on disk: check, blame, write. A piece of one run is checked before it is written; one of several runs
 * is written run by run and checked at the end, and counts for nothing until then.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Result from "effect/Result";
import * as Stream from "effect/Stream";
import { DownloadFailed, type DownloadReason } from "../schema/errors/DownloadError.ts";
import { contradiction } from "../schema/errors/MetainfoError.ts";
import type { StorageError } from "../schema/errors/StorageError.ts";
import { fileOf, pieceOffset } from "../schema/geometry.ts";
import { NODE_LENGTH } from "../schema/merkle.ts";
import type { PieceDigest } from "../schema/pieceHashes.ts";
import { DataSettings } from "../schema/settings.ts";
import { BLOCK_LENGTH } from "../schema/block.ts";
import { Hasher } from "../services/Hasher.ts";
import type { Filled } from "./assembler/assembler.ts";
import { blockBytes, blockLength, type OpenPiece, runBytes } from "./assembler/openPiece.ts";
import { Blaming } from "./blaming.ts";
import { Swarm } from "./Swarm.ts";
import type { Torrent } from "./torrent.ts";
import { monotonicMillis } from "../services/time.ts";

/** Bytes of a piece are read back from disk by this much. */
const READ_BACK = 1024 * 1024;

/** A piece that is verified and on disk; its buffer is still taken. */
export interface Stored {
  readonly piece: OpenPiece;
}

const offsetOf = ({ info }: Torrent, piece: OpenPiece): number => pieceOffset(info, piece.index);

/** The bytes of one block: from memory while they are there, else from disk. */
const readBlock = Effect.fnUntraced(function* (torrent: Torrent, piece: OpenPiece, block: number) {
  const held = blockBytes(piece, block);
  if (held !== undefined) return held;
  const bytes = new Uint8Array(blockLength(piece.length, block));
  yield* torrent.storage.read(offsetOf(torrent, piece) + block * BLOCK_LENGTH, bytes);
  return bytes;
});

/** Hashes what went to disk before the digest got to it, where that needs the bytes in order. */
const finishDigest = Effect.fnUntraced(function* (torrent: Torrent, piece: OpenPiece) {
  const { update } = piece.digest;
  if (update === undefined) return;
  for (let at = piece.hashed * BLOCK_LENGTH; at < piece.length; at += READ_BACK) {
    const bytes = new Uint8Array(Math.min(READ_BACK, piece.length - at));
    yield* torrent.storage.read(offsetOf(torrent, piece) + at, bytes);
    update(bytes);
  }
});

/** A digest of each block, of the same kind for the same torrent: in v2 they were made already. */
const blockDigests = Effect.fnUntraced(function* (torrent: Torrent, piece: OpenPiece, { leaves }: PieceDigest) {
  const hasher = yield* Hasher;
  const digests: Array<Uint8Array> = [];
  for (let block = 0; block < piece.blockCount; block++)
    digests.push(
      leaves?.subarray(block * NODE_LENGTH, (block + 1) * NODE_LENGTH) ??
        hasher.sha1(yield* readBlock(torrent, piece, block)),
    );
  return digests;
});

const endWith = ({ info }: Torrent, reason: DownloadReason): DownloadFailed =>
  new DownloadFailed({ name: info.name, reason });

/** The piece is wrong: names who can be named, and has it fetched again, or its wrong blocks alone where they are known. */
const reject = Effect.fnUntraced(function* (
  torrent: Torrent,
  { digest, piece, wrong }: { piece: OpenPiece; digest: PieceDigest; wrong: ReadonlyArray<number> | undefined },
) {
  const blaming = yield* Blaming;
  const swarm = yield* Swarm;
  const now = monotonicMillis(yield* Clock.Clock);
  // Only what is still in memory can stay: of a piece of several runs the right blocks are on disk, beside the wrong ones.
  const again = piece.runCount === 1 ? wrong : undefined;
  const digests = yield* blockDigests(torrent, piece, digest);
  const blocks = digests.map((own, block) => ({
    begin: block * BLOCK_LENGTH,
    peer: piece.from[block]?.address,
    digest: own,
    ...(wrong !== undefined && { wrong: wrong.includes(block) }),
  }));
  // Padding is from nobody and right: it must not hide a sole contributor.
  yield* blaming.failed(
    piece.index,
    blocks.filter(({ peer }, block) => peer !== undefined || !piece.isPad(block)),
    again?.length,
  );
  torrent.assembler.failed(piece, again);
  // Whoever has nothing to ask for would not hear of them.
  if (again !== undefined) swarm.refill(now);
  // A hybrid's piece may have failed by SHA-1 alone: then there is nothing to prove the hashes of its blocks by.
  const isProvable = (): boolean => torrent.hashes.layerOf(fileOf(torrent.info, piece.index)) !== undefined;
  if (digest.leaves !== undefined && wrong === undefined && blaming.suspect(piece.index) && isProvable()) {
    const { index } = piece;
    const learn = (leaves: Uint8Array): boolean => {
      const right = torrent.hashes.learnLeaves(index, leaves);
      if (right) blaming.compared(index, leaves);
      return right;
    };
    swarm.hashes.fetching.doubt(index, learn, now);
  }
  const hopeless = blaming.hopeless(piece.index);
  if (Option.isSome(hopeless))
    return yield* endWith(torrent, { _tag: "BadPiece", index: piece.index, times: hopeless.value });
  return Option.none<Stored>();
});

/** The piece is right: if it was wrong before, its liars can be told now. */
const accept = Effect.fnUntraced(function* (torrent: Torrent, piece: OpenPiece, digest: PieceDigest) {
  const blaming = yield* Blaming;
  torrent.hashes.forgetLeaves(piece.index);
  if (blaming.suspect(piece.index)) {
    const digests = yield* blockDigests(torrent, piece, digest);
    yield* blaming.verified(piece.index, (begin) => digests[begin / BLOCK_LENGTH]);
  }
  return Option.some<Stored>({ piece });
});

/** Judges a piece that is all there: `store` is what is left to do when it is right. */
const judge = Effect.fnUntraced(function* (
  torrent: Torrent,
  piece: OpenPiece,
  store: Effect.Effect<void, StorageError> = Effect.void,
) {
  const digest = piece.digest.digest();
  const verdict = torrent.hashes.judge(piece.index, digest);
  switch (verdict._tag) {
    case "Verified":
      yield* store;
      return yield* accept(torrent, piece, digest);
    case "Corrupt":
      return yield* reject(torrent, { piece, digest, wrong: verdict.blocks });
    case "Contradiction":
      return yield* endWith(torrent, { _tag: "Invalid", error: contradiction(piece.index) });
    case "HashesMissing":
      torrent.assembler.failed(piece);
      torrent.hold(piece.index);
      return Option.none<Stored>();
  }
});

const storeWhole = (torrent: Torrent, piece: OpenPiece, bytes: Uint8Array) =>
  judge(torrent, piece, torrent.storage.write(offsetOf(torrent, piece), bytes));

const storeRun = Effect.fnUntraced(function* (torrent: Torrent, { piece, run }: Filled, bytes: Uint8Array) {
  yield* torrent.storage.write(offsetOf(torrent, piece) + run * piece.runBlocks * BLOCK_LENGTH, bytes);
  torrent.touched();
  torrent.assembler.runWritten(piece, run);
  // Its buffer is free for whoever had none, who would not hear of it otherwise.
  (yield* Swarm).wake(monotonicMillis(yield* Clock.Clock));
  if (piece.runsWritten < piece.runCount) return Option.none<Stored>();
  yield* finishDigest(torrent, piece);
  return yield* judge(torrent, piece);
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
