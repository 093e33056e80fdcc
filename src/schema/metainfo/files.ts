/** From files as the torrent says to files as they are used: names made harmless and told apart, offsets counted. */
import type { MetainfoError } from "../errors/MetainfoError.ts";
import type { TorrentFile, TorrentInfo } from "../metainfo.ts";
import type { NameRules } from "../paths.ts";
import type { RawFile } from "./fields.ts";
import * as Result from "effect/Result";
import { toText } from "../dictionary.ts";
import { MAX_NAMESAKES, sanitisePath, spells, tellApart } from "../paths.ts";
import { refuse, refuseValue } from "./fields.ts";

/** Files with their names and places. */
export interface Placed {
  readonly files: ReadonlyArray<TorrentFile>;
  readonly renamed: TorrentInfo["renamed"];
  readonly totalLength: number;
}

/** Names and places `raw`; offsets are multiples of `alignment` bytes (v2: the piece length, v1: 1). */
export const placeFiles = (
  raw: ReadonlyArray<RawFile>,
  rules: NameRules,
  alignment: number,
): Result.Result<Placed, MetainfoError> => {
  const wanted = raw.map((file) => {
    const path = sanitisePath(file.path, rules);
    return path.length === 0 ? ["_"] : path;
  });
  const isPad = (file: RawFile): boolean => file.attributes.includes("p");
  const told = tellApart(
    wanted.filter((_, i) => raw[i] !== undefined && !isPad(raw[i])),
    rules,
  );
  if (Result.isFailure(told)) {
    return refuse({ _tag: "TooManyClashes", path: told.failure.join("/"), limit: MAX_NAMESAKES });
  }
  const names = told.success.values();
  const files: Array<TorrentFile> = [];
  const renamed: Array<TorrentInfo["renamed"][number]> = [];
  let offset = 0;
  let totalLength = 0;
  for (const [i, file] of raw.entries()) {
    const pad = isPad(file);
    const path = (pad ? wanted[i] : names.next().value) ?? ["_"];
    if (!pad && !spells(file.path, path)) {
      const from = file.path.map(toText).join("/");
      const to = path.join("/");
      if (from !== to) renamed.push({ from, to });
    }
    if (file.length > 0) offset = Math.ceil(offset / alignment) * alignment;
    const target = file.symlink === undefined ? [] : sanitisePath(file.symlink, rules);
    const { attributes, length, piecesRoot } = file;
    const executable = attributes.includes("x");
    const plain: TorrentFile = { path, length, offset, pad, executable, hidden: attributes.includes("h") };
    // A copy costs more than all else here.
    if (target.length === 0 && piecesRoot === undefined) files.push(plain);
    else
      files.push({
        ...plain,
        ...(target.length > 0 && { symlink: target }),
        ...(piecesRoot !== undefined && { piecesRoot }),
      });
    offset += file.length;
    totalLength += file.length;
    if (!Number.isSafeInteger(offset)) return refuseValue("length", "is too large");
  }
  return Result.succeed({ files, renamed, totalLength });
};
