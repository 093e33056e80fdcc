/** Which pieces on disk are as they should be. Which are worth a look is decided in trust.ts, how they are hashed in hashing.ts. */
import * as Effect from "effect/Effect";
import * as Bitfield from "../schema/bitfield.ts";
import { contradiction, type MetainfoError } from "../schema/errors/MetainfoError.ts";
import { pieceLength, pieceOffset, piecesOf } from "../schema/geometry.ts";
import { NODE_LENGTH } from "../schema/merkle.ts";
import type { TorrentInfo } from "../schema/metainfo.ts";
import type { PieceDigest, PieceHashes } from "../schema/pieceHashes.ts";
import type { StorageError } from "../schema/errors/StorageError.ts";
import type { Hasher } from "../services/Hasher.ts";
import type { OpenStorage } from "../services/Storage/Storage.ts";
import { hashPieces } from "./hashing.ts";

/** A piece whose first bytes are zeros was hardly ever written: where it was nevertheless, it is fetched once more. */
const LOOK_LENGTH = 512;

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
 * Pieces that there are no hashes for, but for the root of their file: when all of a file has come by, in whatever order, its layer can be proven as a whole.
 */
const makeUnproven = (info: TorrentInfo, hashes: PieceHashes) => {
  const nodes = new Uint8Array(hashes.missing() === 0 ? 0 : info.pieceCount * NODE_LENGTH);
  const seen = Bitfield.make(info.pieceCount);
  const nodeOf = (index: number): Uint8Array => nodes.subarray(index * NODE_LENGTH, (index + 1) * NODE_LENGTH);
  return {
    note: (index: number, node: Uint8Array): void => {
      nodes.set(node, index * NODE_LENGTH);
      Bitfield.set(seen, index);
    },
    /** Those that are right after all. */
    prove: function* (): Generator<number> {
      for (const number of hashes.incomplete()) {
        const range = info.files[number] && piecesOf(info, info.files[number]);
        if (range === undefined || !Bitfield.has(seen, range.first)) continue;
        const layer = nodes.subarray(range.first * NODE_LENGTH, (range.last + 1) * NODE_LENGTH);
        hashes.learnLayer(number, { first: 0, nodes: layer });
      }
      for (let index = 0; index < info.pieceCount; index++)
        if (Bitfield.has(seen, index) && hashes.judge(index, { node: nodeOf(index) })._tag === "Verified") yield index;
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
      else if (verdict._tag === "HashesMissing" && digest.node !== undefined) unproven.note(index, digest.node);
    };
    return Effect.flatMap(hashPieces({ ...options, shape: info, onDigest }), () => {
      for (const index of unproven.prove()) Bitfield.set(good, index);
      return contradicted === undefined ? Effect.succeed(good) : Effect.fail(contradiction(contradicted));
    });
  });
