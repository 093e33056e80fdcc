/** A torrent whose metadata is known, as the rooms of a download share it: what it is, what is on disk, and what its pieces must be. `prepare.ts` makes it. */
import type { TorrentInfo } from "../schema/metainfo.ts";
import type { LayerPart, PieceHashes } from "../schema/pieceHashes.ts";
import type { PieceTable } from "../services/Picker/Picker.ts";
import type { OpenStorage } from "../services/Storage/Storage.ts";
import type { Assembler } from "./assembler/assembler.ts";

/** What there is once the metadata is known. */
export interface Torrent {
  readonly info: TorrentInfo;
  readonly table: PieceTable;
  readonly assembler: Assembler;
  readonly storage: OpenStorage;
  /** What the pieces must be. */
  readonly hashes: PieceHashes;
  /**
   * Takes in part of a file's piece layer if it proves right (see `PieceHashes.learnLayer`), and lets the pieces be fetched that could not be judged before.
   * Returns whether it did; whoever may ask peers for more is to be told by the caller.
   */
  readonly learnLayer: (file: number, part: LayerPart) => boolean;
  /** Keeps a piece from being fetched until there is a hash to judge it by. */
  readonly hold: (index: number) => void;
  /** Bytes of a piece that is not complete were written. */
  readonly touched: () => void;
  /** A piece that we had is no longer on disk. */
  readonly lost: (index: number) => void;
}
