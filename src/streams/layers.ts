/**
 * The hashes of pieces across runs: a .torrent brings its piece layers, a magnet link or a .torrent without them what earlier runs have learnt (BEP 52). Where a
 * layer comes from otherwise is not decided here.
 */
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { piecesOf } from "../schema/geometry.ts";
import { NODE_LENGTH } from "../schema/merkle.ts";
import type { Metainfo, TorrentInfo } from "../schema/metainfo.ts";
import { makePieceHashes, type PieceHashes } from "../schema/pieceHashes.ts";
import type { ResumeError } from "../schema/errors/ResumeError.ts";
import { Hasher } from "../services/Hasher.ts";
import { ResumeStore } from "../services/ResumeStore/ResumeStore.ts";

/** The hashes of a torrent, and their keeping. */
export interface KeptHashes {
  readonly hashes: PieceHashes;
  /** Keeps what was learnt since they were last kept. */
  readonly save: Effect.Effect<void, ResumeError>;
}

/** All that is known of a torrent's hashes before a peer is asked. What was kept is believed as far as it proves right. */
export const recallHashes = Effect.fnUntraced(function* (
  info: TorrentInfo,
  pieceLayers: Metainfo["pieceLayers"] | undefined,
): Effect.fn.Return<KeptHashes, never, ResumeStore | Hasher> {
  const store = yield* ResumeStore;
  const { sha256 } = yield* Hasher;
  const hashes = makePieceHashes(info, sha256, pieceLayers);
  const { infoHash } = info;
  const incomplete = hashes.incomplete();
  if (incomplete.length > 0) {
    // That the state folder cannot be used is said when the output is opened.
    const kept = yield* Effect.orElseSucceed(store.loadLayers(infoHash), Option.none<Uint8Array>);
    const layers = Option.getOrElse(kept, () => new Uint8Array(0));
    for (const file of incomplete) {
      const range = info.files[file] && piecesOf(info, info.files[file]);
      if (range === undefined) continue;
      const nodes = layers.subarray(range.first * NODE_LENGTH, (range.last + 1) * NODE_LENGTH);
      hashes.learnLayer(file, { first: 0, nodes });
    }
  }
  let missing = hashes.missing();
  return {
    hashes,
    save: Effect.suspend(() => {
      if (hashes.missing() === missing) return Effect.void;
      missing = hashes.missing();
      return store.saveLayers(infoHash, hashes.saved());
    }),
  };
});
