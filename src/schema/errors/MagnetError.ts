/** Why a magnet link cannot be used (status 3). */
import * as Data from "effect/Data";
import { kebab } from "./kebab.ts";

/** What is wrong with the link. */
export type MagnetReason =
  /** Neither a magnet link nor a bare info-hash. */
  | { readonly _tag: "NotMagnet" }
  | { readonly _tag: "TooLong"; readonly length: number; readonly limit: number }
  | { readonly _tag: "NoInfoHash" }
  /** There are info-hashes, but none of them is one. */
  | { readonly _tag: "BadInfoHash" };

const sentence = (reason: MagnetReason): string => {
  switch (reason._tag) {
    case "NotMagnet":
      return "not a magnet link (magnet:?xt=urn:btih:…)";
    case "TooLong":
      return `the magnet link has ${reason.length} characters (limit ${reason.limit})`;
    case "NoInfoHash":
      return "the magnet link names no torrent: it has no xt=urn:btih:… and no xt=urn:btmh:…";
    case "BadInfoHash":
      return "the info-hash of the magnet link is damaged (40 hexadecimal or 32 base32 characters after urn:btih:, 1220 and 64 hexadecimal ones after urn:btmh:); copy the link again";
  }
};

/** A magnet link says nothing that can be used. */
export class MagnetError extends Data.TaggedError("MagnetError")<{
  readonly reason: MagnetReason;
}> {
  /** `magnet.no-info-hash`, `magnet.bad-info-hash` … */
  get code(): string {
    return `magnet.${kebab(this.reason._tag)}`;
  }
  override get message(): string {
    return sentence(this.reason);
  }
}
