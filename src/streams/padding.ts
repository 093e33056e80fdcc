/** Which blocks and pieces of a v1 torrent are padding (BEP 47): zeros that need not be asked of anybody. In v2 and hybrids no piece has any. */
import * as Bitfield from "../schema/bitfield.ts";
import { blockLength, fileSpans, pieceOffset, wantedPieces } from "../schema/geometry.ts";
import type { TorrentInfo } from "../schema/metainfo.ts";
import { BLOCK_LENGTH } from "../schema/block.ts";

/** Tells whether all of a block of piece `index` is padding; none for a torrent without any. */
export const padBlocks = (info: TorrentInfo): ((index: number, block: number) => boolean) | undefined => {
  if (info.version !== "v1" || !info.files.some(({ pad }) => pad)) return undefined;
  return (index, block) => {
    const begin = block * BLOCK_LENGTH;
    const spans = fileSpans(info.files, pieceOffset(info, index) + begin, blockLength(info, index, begin));
    return spans.every(({ file }) => info.files[file]?.pad === true);
  };
};

/** Bits of the pieces that hold nothing but padding: they are there from the start. */
export const padPieces = (info: TorrentInfo): Uint8Array =>
  Bitfield.difference(Bitfield.full(info.pieceCount), wantedPieces(info));
