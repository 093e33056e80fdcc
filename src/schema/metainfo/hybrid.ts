/** Whether the two halves of a hybrid tell the same (BEP 52, "upgrade path"); v1's files are kept, with the roots of v2's. */
import type { MetainfoError } from "../errors/MetainfoError.ts";
import type { RawFile } from "./fields.ts";
import type { V1 } from "./v1.ts";
import type { V2 } from "./v2.ts";
import * as Result from "effect/Result";
import { toText } from "../dictionary.ts";
import { refuse } from "./fields.ts";

const samePath = (a: RawFile, b: RawFile): boolean =>
  a.path.length === b.path.length &&
  a.path.every((name, i) => {
    const other = b.path[i];
    return other?.length === name.length && name.every((byte, j) => byte === other[j]);
  });

/** v1's files with v2's roots, when both halves have the same files and each begins with a piece. */
export const joinHybrid = (v1: V1, v2: V2, pieceLength: number): Result.Result<V1, MetainfoError> => {
  const disagree = (why: string) => refuse({ _tag: "Inconsistent", why });
  const files: Array<RawFile> = [];
  let offset = 0;
  let index = 0;
  let pieces = 0;
  for (const file of v1.files) {
    if (file.attributes.includes("p")) {
      files.push(file);
    } else {
      const twin = v2.files[index++];
      const shown = file.path.map(toText).join("/");
      if (twin === undefined) return disagree(`v2 lacks the file ${shown}`);
      if (!samePath(file, twin)) return disagree(`the file ${shown} has another name or place`);
      if (file.length !== twin.length) return disagree(`the file ${shown} has another size`);
      if (file.length > 0 && offset % pieceLength !== 0) {
        return disagree(`the file ${shown} does not begin with a piece`);
      }
      files.push(twin.piecesRoot === undefined ? file : { ...file, piecesRoot: twin.piecesRoot });
    }
    offset += file.length;
    pieces += file.attributes.includes("p") ? 0 : Math.ceil(file.length / pieceLength);
  }
  if (index < v2.files.length) return disagree("v1 lacks some of the files");
  // More padding than up to the next piece would give the pieces other numbers in v2.
  if (Math.ceil(offset / pieceLength) !== pieces) return disagree("v1 has pieces of nothing but padding");
  return Result.succeed({ ...v1, files });
};
