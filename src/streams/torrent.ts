/** A torrent whose metadata is known, as the rooms of a download share it: what it is, what is on disk, and what its pieces must be. `prepare.ts` finds out what it is made of. */
import type { TorrentInfo } from "../schema/metainfo.ts";
import type { LayerPart, PieceHashes } from "../schema/pieceHashes.ts";
import type { PieceTable } from "../services/Picker/Picker.ts";
import type { OpenStorage } from "../services/Storage/Storage.ts";
import type { Assembler } from "./assembler/assembler.ts";
import type { Recorder } from "./recorder.ts";

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

/** A torrent over what was found of it. Pieces whose hashes are not known are held; the recorder, once there is one, is told what changes on disk. */
export const makeTorrent = (
  parts: Pick<Torrent, "info" | "table" | "assembler" | "storage" | "hashes"> & {
    readonly recorder: () => Pick<Recorder, "touched" | "lost"> | undefined;
  },
): Torrent => {
  const { recorder, ...found } = parts;
  const { hashes, info, table } = found;
  // Open, and nobody fetches it: wanted, missing, and not to be chosen.
  const hold = (index: number): void => table.open(index);
  for (let index = 0; index < info.pieceCount; index++) if (!hashes.isKnown(index)) hold(index);
  return {
    ...found,
    learnLayer: (file, part) => {
      const gained = hashes.learnLayer(file, part);
      for (const index of gained ?? []) table.reopen(index);
      if (gained !== undefined) recorder()?.touched();
      return gained !== undefined;
    },
    hold,
    touched: () => recorder()?.touched(),
    lost: (index) => {
      table.lost(index);
      recorder()?.lost(index);
    },
  };
};
