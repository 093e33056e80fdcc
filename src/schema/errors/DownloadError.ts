/** What can end a download besides the errors of its services. */
import * as Data from "effect/Data";
import { kebab } from "./kebab.ts";
import type { StorageError } from "./StorageError.ts";

/** Why the download ended. */
export type DownloadReason =
  /** No payload or metadata byte within `--timeout`. */
  | { readonly _tag: "NoProgress"; readonly seconds: number; readonly waiting: string }
  /** No tracker, peer, DHT or web seed to ask: nothing can ever arrive. */
  | { readonly _tag: "NothingToAsk" }
  /** A v2-only torrent. */
  | { readonly _tag: "VersionUnsupported" }
  /** `--select` matches no file. */
  | { readonly _tag: "NothingSelected"; readonly pattern: string }
  /** `seed` was asked for, and no piece is where it should be. */
  | { readonly _tag: "NothingToShare"; readonly path: string }
  /** The metadata that peers sent does not parse. */
  | { readonly _tag: "BadMetadata"; readonly why: string }
  /** A piece failed too often with peers that are not to blame. */
  | { readonly _tag: "BadPiece"; readonly index: number; readonly times: number };

const family: Readonly<Record<DownloadReason["_tag"], string>> = {
  NoProgress: "stalled",
  NothingToAsk: "stalled",
  VersionUnsupported: "metainfo",
  NothingSelected: "usage",
  NothingToShare: "storage",
  BadMetadata: "metainfo",
  BadPiece: "metainfo",
};

/** A download ended without completing, for a reason of its own. */
export class DownloadFailed extends Data.TaggedError("DownloadFailed")<{
  readonly name: string;
  readonly reason: DownloadReason;
}> {
  /** `stalled.no-progress`, `metainfo.version-unsupported` … */
  get code(): string {
    return `${family[this.reason._tag]}.${kebab(this.reason._tag)}`;
  }
  override get message(): string {
    switch (this.reason._tag) {
      case "NoProgress":
        return `${this.name}: nothing arrived for ${this.reason.seconds} s (${this.reason.waiting}); run the same command again to continue`;
      case "NothingToAsk":
        return `${this.name}: there is no tracker and no peer to ask; name one with --tracker or --peer`;
      case "VersionUnsupported":
        return `${this.name}: this is a BitTorrent v2-only torrent, which cannot be downloaded yet; v1 and hybrid torrents can`;
      case "NothingSelected":
        return `--select ${this.reason.pattern}: no file of ${this.name} matches; see the names with: bt-effect info`;
      case "NothingToShare":
        return `${this.name}: nothing of it is at ${this.reason.path}; name the payload itself or the folder that holds it`;
      case "BadMetadata":
        return `${this.name}: the metadata is invalid: ${this.reason.why}`;
      case "BadPiece":
        return `${this.name}: piece ${this.reason.index} failed its check ${this.reason.times} times with different peers; the torrent or this machine's disk or memory is damaged`;
    }
  }
}

/** Everything that can end a download. */
export type DownloadError = DownloadFailed | StorageError;
