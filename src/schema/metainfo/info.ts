/** Reads an info dictionary of any version into the one model (BEP 3, 27, 47, 52). */
import type { BencodeDictionary } from "../bencode.ts";
import type { MetainfoError } from "../errors/MetainfoError.ts";
import type { TorrentInfo } from "../metainfo.ts";
import type { NameRules } from "../paths.ts";
import type { Digests, RawFile, Read } from "./fields.ts";
import * as Hex from "effect/encoding/Hex";
import * as Option from "effect/Option";
import * as Result from "effect/Result";
import * as Bencode from "../bencode.ts";
import * as Dictionary from "../dictionary.ts";
import * as InfoHash from "../infoHash.ts";
import { sanitiseElement } from "../paths.ts";
import { PIECE_HASH_LENGTH } from "../pieceHashes.ts";
import { MAX_PIECE_LENGTH, MAX_PIECES, refuse, refuseValue } from "./fields.ts";
import { placeFiles } from "./files.ts";
import { joinHybrid } from "./hybrid.ts";
import { readV1 } from "./v1.ts";
import { isV2PieceLength, readV2 } from "./v2.ts";

type Version = TorrentInfo["version"];

const NOTHING = new Uint8Array();

const readVersion = (info: BencodeDictionary): Result.Result<Version, MetainfoError> => {
  const version = info.get("meta version");
  if (version === undefined || version === 1) return Result.succeed("v1");
  if (typeof version !== "number") return refuseValue("meta version", "is not a number");
  if (version > 2) return refuse({ _tag: "NewerVersion", version });
  if (version !== 2) return refuseValue("meta version", "is neither 1 nor 2");
  return Result.succeed(info.has("pieces") || info.has("files") || info.has("length") ? "hybrid" : "v2");
};

const readPieceLength = (info: BencodeDictionary, version: Version) => {
  const value = info.get("piece length");
  if (value === undefined) return refuse({ _tag: "Missing", key: "piece length" });
  if (typeof value !== "number" || value <= 0) {
    return refuseValue("piece length", "is not a number of bytes");
  }
  if (value > MAX_PIECE_LENGTH) {
    return refuseValue("piece length", `is more than ${MAX_PIECE_LENGTH} bytes`);
  }
  if (version !== "v1" && !isV2PieceLength(value)) {
    return refuseValue("piece length", "is not a power of two from 16 KiB");
  }
  return Result.succeed(value);
};

/** The name's bytes; one of control characters alone is none. */
const readName = (info: BencodeDictionary): Result.Result<Uint8Array, MetainfoError> => {
  const name = Dictionary.bytes(info, "name.utf-8") ?? Dictionary.bytes(info, "name");
  return name?.some((byte) => byte >= 0x20) ? Result.succeed(name) : refuse({ _tag: "Missing", key: "name" });
};

interface Content {
  readonly layout: TorrentInfo["layout"];
  readonly files: ReadonlyArray<RawFile>;
  readonly pieces: Uint8Array;
}

const readContent = (
  info: BencodeDictionary,
  version: Version,
  head: { readonly name: Uint8Array; readonly pieceLength: number },
): Result.Result<Content, MetainfoError> => {
  if (version === "v1") return readV1(info, head.name);
  const v2 = readV2(info, head.name);
  if (version === "v2") return Result.map(v2, (tree) => ({ ...tree, pieces: NOTHING }));
  return Result.gen(function* () {
    return yield* joinHybrid(yield* readV1(info, head.name), yield* v2, head.pieceLength);
  });
};

const countPieces = (content: Content, version: Version, pieceLength: number): Result.Result<number, MetainfoError> => {
  const pieces = (length: number): number => Math.ceil(length / pieceLength);
  const sum = (f: (length: number) => number): number =>
    content.files.reduce((total, file) => total + f(file.length), 0);
  const count = version === "v2" ? sum(pieces) : pieces(sum((length) => length));
  if (count === 0) return refuse({ _tag: "Empty" });
  if (count > MAX_PIECES) return refuse({ _tag: "TooManyPieces", limit: MAX_PIECES });
  const found = content.pieces.length / PIECE_HASH_LENGTH;
  return version === "v2" || found === count
    ? Result.succeed(count)
    : refuse({ _tag: "PieceCount", found, expected: count });
};

/** Reads the info dictionary `info`, which was decoded from exactly `bytes`. */
export const readInfo = (
  info: BencodeDictionary,
  bytes: Uint8Array,
  options: {
    readonly digests: Digests;
    readonly names: NameRules;
    /** Whether the bytes are known to be in canonical form, which v2 asks for. */
    readonly canonical: boolean;
  },
): Read<TorrentInfo> =>
  Result.gen(function* () {
    const version = yield* readVersion(info);
    if (version !== "v1" && !options.canonical)
      yield* Bencode.decode(bytes, { canonical: true, maxLength: bytes.length });
    const pieceLength = yield* readPieceLength(info, version);
    const rawName = yield* readName(info);
    const content = yield* readContent(info, version, { name: rawName, pieceLength });
    const pieceCount = yield* countPieces(content, version, pieceLength);

    const v1 = version === "v2" ? undefined : options.digests.sha1(bytes);
    const v2 = version === "v1" ? undefined : options.digests.sha256(bytes);
    // a digest of fewer bytes than its kind has is a defect of whoever gave it
    const infoHash = Option.getOrThrow(InfoHash.fromBytes(v1 ?? v2 ?? NOTHING));
    const name = sanitiseElement(rawName, options.names) || infoHash.hex;
    const from = Dictionary.toText(rawName);
    const raw =
      content.layout === "single"
        ? content.files.map((file) => ({ ...file, path: [Dictionary.fromText(name)] }))
        : content.files;
    const alignment = version === "v2" ? pieceLength : 1;
    const placed = yield* placeFiles(raw, options.names, alignment);
    const source = Dictionary.text(info, "source");
    return {
      version,
      infoHash,
      ...(v1 && { infoHashV1: Hex.encode(v1) }),
      ...(v2 && { infoHashV2: Hex.encode(v2) }),
      name,
      layout: content.layout,
      pieceLength,
      pieceCount,
      totalLength: placed.totalLength,
      files: placed.files,
      pieces: content.pieces,
      private: info.get("private") === 1,
      ...(source !== undefined && { source }),
      bytes,
      renamed: from === name ? placed.renamed : [{ from, to: name }, ...placed.renamed],
    };
  });
