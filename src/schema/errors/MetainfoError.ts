/** Why a .torrent, or metadata that peers sent, is no torrent that can be used (status 3). */
import * as Data from "effect/Data";
import { kebab } from "./kebab.ts";

/** What is wrong with it. `key` is the dictionary's own word for the field. */
export type MetainfoReason =
  | { readonly _tag: "NotDictionary" }
  | { readonly _tag: "Missing"; readonly key: string }
  | { readonly _tag: "BadValue"; readonly key: string; readonly why: string }
  /** The hashes do not fit the sizes of the files. */
  | { readonly _tag: "PieceCount"; readonly found: number; readonly expected: number }
  | { readonly _tag: "TooManyPieces"; readonly limit: number }
  | { readonly _tag: "Empty" }
  | { readonly _tag: "TooManyClashes"; readonly path: string; readonly limit: number }
  /** The v1 and the v2 half of a hybrid tell different things (BEP 52). */
  | { readonly _tag: "Inconsistent"; readonly why: string }
  /** A hybrid's piece that is right by its v1 hash and wrong by its v2 hash, or the other way round. */
  | { readonly _tag: "Contradiction"; readonly index: number }
  | { readonly _tag: "BadPieceLayer"; readonly why: string }
  /** A magnet link's two hashes are not those of one torrent. */
  | { readonly _tag: "TwoTorrents" }
  | { readonly _tag: "NewerVersion"; readonly version: number };

const sentence = (reason: MetainfoReason): string => {
  switch (reason._tag) {
    case "NotDictionary":
      return "not a torrent: no dictionary";
    case "Missing":
      return `not a usable torrent: it has no "${reason.key}"`;
    case "BadValue":
      return `not a usable torrent: its "${reason.key}" ${reason.why}`;
    case "PieceCount":
      return `damaged torrent: hashes for ${reason.found} pieces where its files make ${reason.expected}`;
    case "TooManyPieces":
      return `a torrent of more than ${reason.limit} pieces, which is more than can be handled`;
    case "Empty":
      return "a torrent without any data";
    case "TooManyClashes":
      return `a torrent with more than ${reason.limit} files by the name ${reason.path}`;
    case "Inconsistent":
      return `a hybrid torrent whose v1 and v2 parts disagree: ${reason.why}`;
    case "Contradiction":
      return `a hybrid torrent whose v1 and v2 hashes disagree: the data of piece ${reason.index} fits only one of them, so it can never be complete; look for another torrent of the same`;
    case "BadPieceLayer":
      return `damaged torrent: ${reason.why}`;
    case "TwoTorrents":
      return "the v1 and the v2 hash of the link belong to two different torrents";
    case "NewerVersion":
      return `a torrent of version ${reason.version}, newer than this program; look for a v1 or hybrid one`;
  }
};

/** A torrent's description cannot be used. */
export class MetainfoError extends Data.TaggedError("MetainfoError")<{
  readonly reason: MetainfoReason;
}> {
  /** `metainfo.missing`, `metainfo.piece-count` … */
  get code(): string {
    return `metainfo.${kebab(this.reason._tag)}`;
  }
  override get message(): string {
    return sentence(this.reason);
  }
}

/** Piece `index` of a hybrid cannot be right by both of its hashes. */
export const contradiction = (index: number): MetainfoError =>
  new MetainfoError({ reason: { _tag: "Contradiction", index } });
