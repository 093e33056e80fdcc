/** The v2 half of an info dictionary: the file tree (BEP 52). */
import type { BencodeDictionary, BencodeValue } from "../bencode.ts";
import type { MetainfoError } from "../errors/MetainfoError.ts";
import type { RawFile } from "./fields.ts";
import * as Result from "effect/Result";
import { isDictionary, keyToBytes } from "../bencode.ts";
import * as Dictionary from "../dictionary.ts";
import { LEAF_BLOCK, NODE_LENGTH } from "../merkle.ts";
import { MAX_PATH_DEPTH, readAttributes, readLength, refuse, refuseValue } from "./fields.ts";

/** Files in tree order. */
export interface V2 {
  readonly layout: "single" | "multi";
  readonly files: ReadonlyArray<RawFile>;
}

const readFile = (path: ReadonlyArray<Uint8Array>, entry: BencodeDictionary): Result.Result<RawFile, MetainfoError> => {
  const link = (Dictionary.text(entry, "attr") ?? "").includes("l") && !entry.has("length");
  const length = link ? Result.succeed(0) : readLength(entry);
  if (Result.isFailure(length)) return Result.fail(length.failure);
  const marks = readAttributes(entry, length.success);
  if (Result.isFailure(marks)) return Result.fail(marks.failure);
  const file = { ...marks.success, path, length: length.success };
  if (length.success === 0) return Result.succeed(file);
  const piecesRoot = Dictionary.bytes(entry, "pieces root");
  if (piecesRoot === undefined) return refuse({ _tag: "Missing", key: "pieces root" });
  if (piecesRoot.length !== NODE_LENGTH || piecesRoot.every((byte) => byte === 0)) {
    return refuseValue("pieces root", "is no hash");
  }
  return Result.succeed({ ...file, piecesRoot });
};

const readFolder = (
  path: ReadonlyArray<Uint8Array>,
  tree: BencodeDictionary,
  files: Array<RawFile>,
): Result.Result<void, MetainfoError> => {
  if (path.length === MAX_PATH_DEPTH) {
    return refuseValue("file tree", `is deeper than ${MAX_PATH_DEPTH} folders`);
  }
  for (const [name, node] of tree) {
    const entry: BencodeValue | undefined = isDictionary(node) ? node.get("") : undefined;
    if (name === "" || !isDictionary(node) || (entry !== undefined && !isDictionary(entry))) {
      return refuseValue("file tree", "has an entry that is neither file nor folder");
    }
    if (entry !== undefined && node.size > 1) {
      return refuseValue("file tree", "has an entry that is both file and folder");
    }
    const inner = [...path, keyToBytes(name)];
    if (entry === undefined) {
      const read = readFolder(inner, node, files);
      if (Result.isFailure(read)) return read;
    } else {
      const file = readFile(inner, entry);
      if (Result.isFailure(file)) return Result.fail(file.failure);
      files.push(file.success);
    }
  }
  return Result.void;
};

/** Whether `pieceLength` is one that v2 knows: a power of two, at least a block. */
export const isV2PieceLength = (pieceLength: number): boolean =>
  pieceLength >= LEAF_BLOCK && Number.isInteger(Math.log2(pieceLength));

/** Reads the v2 half; a tree that is one file called `name` is a single-file torrent. */
export const readV2 = (info: BencodeDictionary, name: Uint8Array): Result.Result<V2, MetainfoError> => {
  const tree = Dictionary.dictionary(info, "file tree");
  if (tree === undefined) return refuse({ _tag: "Missing", key: "file tree" });
  const files: Array<RawFile> = [];
  return Result.flatMap(readFolder([], tree, files), () => {
    const [first] = files;
    if (first === undefined) return refuseValue("file tree", "is empty");
    const single =
      files.length === 1 &&
      first.path.length === 1 &&
      Dictionary.toText(first.path[0] ?? name) === Dictionary.toText(name);
    return Result.succeed<V2>({ layout: single ? "single" : "multi", files });
  });
};
