/** The piece layers beside a v2 or hybrid info dictionary, checked against the roots of the files (BEP 52). */
import type { BencodeDictionary } from "../bencode.ts";
import type { MetainfoError } from "../errors/MetainfoError.ts";
import type { Sha256 } from "../merkle.ts";
import type { TorrentInfo } from "../metainfo.ts";
import * as Hex from "effect/encoding/Hex";
import * as Result from "effect/Result";
import { isDictionary, keyToBytes } from "../bencode.ts";
import { LEAF_BLOCK, NODE_LENGTH, layerRoot } from "../merkle.ts";
import { refuse, refuseValue } from "./fields.ts";

/** Reads the layers by root in hex. Absent ones are no failure (peers have them), wrong ones are. */
export const readPieceLayers = (
  metainfo: BencodeDictionary,
  info: TorrentInfo,
  sha256: Sha256,
): Result.Result<ReadonlyMap<string, Uint8Array>, MetainfoError> => {
  const layers = new Map<string, Uint8Array>();
  const given = metainfo.get("piece layers");
  if (info.version === "v1" || given === undefined) return Result.succeed(layers);
  if (!isDictionary(given)) return refuseValue("piece layers", "is no dictionary");
  const bad = (why: string) => refuse({ _tag: "BadPieceLayer", why });
  const lengths = new Map<string, number>();
  for (const file of info.files) {
    if (file.piecesRoot !== undefined && file.length > info.pieceLength) {
      lengths.set(Hex.encode(file.piecesRoot), file.length);
    }
  }
  const level = Math.log2(info.pieceLength / LEAF_BLOCK);
  for (const [key, layer] of given) {
    if (key.length !== NODE_LENGTH) return bad("a piece layer whose key is no hash");
    const root = Hex.encode(keyToBytes(key));
    const length = lengths.get(root);
    if (length === undefined) return bad(`a piece layer (${root}) that no file has`);
    const expected = Math.ceil(length / info.pieceLength) * NODE_LENGTH;
    if (!(layer instanceof Uint8Array) || layer.length !== expected) {
      return bad(`the piece layer ${root} does not have the size of its file`);
    }
    if (Hex.encode(layerRoot(layer, level, sha256)) !== root) {
      return bad(`the piece layer ${root} does not hash to its root`);
    }
    layers.set(root, layer);
  }
  return Result.succeed(layers);
};
