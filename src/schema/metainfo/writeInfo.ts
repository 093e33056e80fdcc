/** Writes info dictionaries: v1 (BEP 3, 27, 47), v2 and hybrid (BEP 52), byte for byte as libtorrent does. Pure. */
import type { BencodeDictionary, BencodeList, BencodeValue } from "../bencode.ts";
import type { TorrentInfo } from "../metainfo.ts";
import * as Bencode from "../bencode.ts";
import * as Dictionary from "../dictionary.ts";

/** A file to be named in an info dictionary. */
export interface NewFile {
  /** Without the torrent's own root folder; of no account for a torrent of one file. */
  readonly path: ReadonlyArray<string>;
  /** Bytes; 0 for a symbolic link. */
  readonly length: number;
  readonly executable: boolean;
  /** Target of a symbolic link, relative to the torrent's root (BEP 47). */
  readonly symlink?: ReadonlyArray<string>;
  /** Root of its merkle tree; for v2 and hybrids, of files that are not empty. */
  readonly piecesRoot?: Uint8Array;
}

/** All that an info dictionary says. */
export interface NewInfo {
  readonly version: TorrentInfo["version"];
  readonly name: string;
  readonly layout: "single" | "multi";
  /** Bytes. */
  readonly pieceLength: number;
  /** SHA-1 of each piece; of no account for v2-only. */
  readonly pieces: Uint8Array;
  /** In torrent order, for v2 and hybrids that of their names' bytes; one for `single`. */
  readonly files: ReadonlyArray<NewFile>;
  readonly private: boolean;
  readonly source?: string;
}

/** Strings as they are written. */
export const texts = (list: ReadonlyArray<string>): BencodeList => list.map(Dictionary.fromText);

const attributeFields = ({ executable, symlink }: NewFile) => {
  const attributes = `${executable ? "x" : ""}${symlink === undefined ? "" : "l"}`;
  return {
    attr: attributes === "" ? undefined : Dictionary.fromText(attributes),
    "symlink path": symlink && texts(symlink),
  };
};

const fileFields = (file: NewFile) => ({ length: file.length, ...attributeFields(file) });

/** Whether the files of a hybrid are filled up to whole pieces in its v1 half, the last one included; a lone file is not. So libtorrent has it. */
export const hasPads = ({
  files,
  version,
}: {
  readonly files: ReadonlyArray<unknown>;
  readonly version: NewInfo["version"];
}) => version === "hybrid" && files.length > 1;

/** What fills the last piece of a file. */
const padAfter = ({ length }: NewFile, pieceLength: number): ReadonlyArray<BencodeDictionary> => {
  const rest = (pieceLength - (length % pieceLength)) % pieceLength;
  const path = texts([".pad", String(rest)]);
  return rest === 0 ? [] : [Dictionary.make({ attr: Dictionary.fromText("p"), length: rest, path })];
};

const v1Fields = (info: NewInfo) => {
  const { files, layout, pieceLength, pieces } = info;
  const [first] = files;
  if (layout === "single" && first !== undefined) return { pieces, ...fileFields(first) };
  const list = files.flatMap((file) => [
    Dictionary.make({ ...fileFields(file), path: texts(file.path) }),
    ...(hasPads(info) ? padAfter(file, pieceLength) : []),
  ]);
  return { pieces, files: list };
};

/** The file tree: folders as dictionaries by name, files as one with the empty name. */
const treeOf = ({ files, layout, name }: NewInfo): BencodeDictionary => {
  type Folder = Map<string, BencodeValue>;
  const root: Folder = new Map();
  const folders = new Map<string, Folder>([["", root]]);
  const folderAt = (path: ReadonlyArray<string>): Folder => {
    const key = path.map((part) => `${part}/`).join("");
    const there = folders.get(key);
    if (there !== undefined) return there;
    const folder: Folder = new Map();
    folders.set(key, folder);
    folderAt(path.slice(0, -1)).set(Bencode.keyFromBytes(Dictionary.fromText(path.at(-1) ?? "")), folder);
    return folder;
  };
  for (const file of files) {
    // A link has no length here, whatever it is in v1.
    const length = file.symlink === undefined ? file.length : undefined;
    const entry = Dictionary.make({ length, "pieces root": file.piecesRoot, ...attributeFields(file) });
    folderAt(layout === "single" ? [name] : file.path).set("", entry);
  }
  return root;
};

/** The bytes of an info dictionary; the same for the same information. */
export const encodeInfo = (info: NewInfo): Uint8Array =>
  Bencode.encode(
    Dictionary.make({
      name: Dictionary.fromText(info.name),
      "piece length": info.pieceLength,
      private: info.private ? 1 : undefined,
      source: info.source === undefined ? undefined : Dictionary.fromText(info.source),
      ...(info.version !== "v2" && v1Fields(info)),
      ...(info.version !== "v1" && { "file tree": treeOf(info), "meta version": 2 }),
    }),
  );
