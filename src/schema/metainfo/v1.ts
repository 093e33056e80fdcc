/** The v1 half of an info dictionary: `length` or `files`, and `pieces` (BEP 3, 47). */
import type { BencodeDictionary, BencodeValue } from "../bencode.ts";
import type { MetainfoError } from "../errors/MetainfoError.ts";
import type { RawFile } from "./fields.ts";
import * as Result from "effect/Result";
import { isDictionary } from "../bencode.ts";
import * as Dictionary from "../dictionary.ts";
import { PIECE_HASH_LENGTH } from "../pieceHashes.ts";
import { readAttributes, readElements, readLength, refuse, refuseValue } from "./fields.ts";

/** Files in torrent order, pads included, and the hashes of pieces. */
export interface V1 {
  readonly layout: "single" | "multi";
  readonly files: ReadonlyArray<RawFile>;
  readonly pieces: Uint8Array;
}

const readFile = (entry: BencodeValue): Result.Result<RawFile, MetainfoError> => {
  if (!isDictionary(entry)) return refuseValue("files", "has an entry that is no dictionary");
  const length = readLength(entry);
  if (Result.isFailure(length)) return Result.fail(length.failure);
  const marks = readAttributes(entry, length.success);
  if (Result.isFailure(marks)) return Result.fail(marks.failure);
  const plain = entry.get("path.utf-8") ?? entry.get("path");
  if (plain === undefined && marks.success.attributes.includes("p")) {
    const path = [".pad", String(length.success)].map(Dictionary.fromText);
    return Result.succeed({ ...marks.success, path, length: length.success });
  }
  const path = readElements("path", Dictionary.isList(plain) ? plain : undefined);
  if (Result.isFailure(path)) return Result.fail(path.failure);
  const file = { path: path.success, length: length.success, attributes: marks.success.attributes };
  const { symlink } = marks.success;
  return Result.succeed(symlink === undefined ? file : { ...file, symlink });
};

/** Reads the v1 half; `name` is that of a single file. Where `length` and `files` are both there, `files` counts. */
export const readV1 = (info: BencodeDictionary, name: Uint8Array): Result.Result<V1, MetainfoError> => {
  const pieces = Dictionary.bytes(info, "pieces");
  if (pieces === undefined) return refuse({ _tag: "Missing", key: "pieces" });
  if (pieces.length % PIECE_HASH_LENGTH !== 0) {
    return refuseValue("pieces", `is not a multiple of ${PIECE_HASH_LENGTH} bytes`);
  }
  const entries = info.get("files");
  if (entries === undefined) {
    return Result.flatMap(readLength(info), (length) =>
      Result.map(readAttributes(info, length), (marks): V1 => {
        const file = { ...marks, path: [name], length };
        return { layout: "single", files: [file], pieces };
      }),
    );
  }
  if (!Dictionary.isList(entries)) return refuseValue("files", "is not a list");
  if (entries.length === 0) return refuseValue("files", "is empty");
  const files: Array<RawFile> = [];
  for (const entry of entries) {
    const file = readFile(entry);
    if (Result.isFailure(file)) return Result.fail(file.failure);
    files.push(file.success);
  }
  return Result.succeed({ layout: "multi", files, pieces });
};
