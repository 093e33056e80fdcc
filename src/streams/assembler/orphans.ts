/** Which piece under way to give up when its buffer is needed: one that nobody connected has any more. */
import type { PieceTable } from "../../services/Picker/Picker.ts";
import { isIdle, type OpenPiece } from "./openPiece.ts";

/** The orphan of which least is there; none when all pieces can go on, are full or are partly on disk. */
export const findOrphan = (open: Iterable<OpenPiece>, table: PieceTable): OpenPiece | undefined => {
  let orphan: OpenPiece | undefined;
  for (const piece of open) {
    if (!isIdle(piece) || piece.there === piece.blockCount) continue;
    if (table.availability(piece.index) > 0 || piece.runsWritten > 0) continue;
    if (orphan === undefined || piece.there < orphan.there) orphan = piece;
  }
  return orphan;
};
