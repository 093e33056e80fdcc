/** What can end a download besides the errors of its services. */
import * as Data from "effect/Data";
import type { BencodeError } from "./BencodeError.ts";
import { kebab } from "./kebab.ts";
import type { MetainfoError } from "./MetainfoError.ts";
import type { StorageError } from "./StorageError.ts";

/** Why the download ended. */
export type DownloadReason =
  /** No payload or metadata byte within `--timeout`. */
  | { readonly _tag: "NoProgress"; readonly seconds: number; readonly waiting: string }
  /** No tracker, peer, DHT or web seed to ask: nothing can ever arrive. */
  | { readonly _tag: "NothingToAsk" }
  /** `--select` matches no file. */
  | { readonly _tag: "NothingSelected"; readonly pattern: string }
  /** The address to listen on and dial from is none of this machine's: nobody can ever be reached. */
  | { readonly _tag: "BadBind"; readonly address: string }
  /** `seed` was asked for, and no piece is where it should be. */
  | { readonly _tag: "NothingToShare"; readonly path: string }
  /** The torrent cannot be used, or the metadata that peers sent cannot: what its reader says. */
  | { readonly _tag: "Invalid"; readonly error: MetainfoError | BencodeError }
  /** A piece failed too often with peers that are not to blame. */
  | { readonly _tag: "BadPiece"; readonly index: number; readonly times: number };

const family: Readonly<Record<Exclude<DownloadReason["_tag"], "Invalid">, string>> = {
  NoProgress: "stalled",
  NothingToAsk: "stalled",
  NothingSelected: "usage",
  BadBind: "usage",
  NothingToShare: "storage",
  BadPiece: "metainfo",
};

/** A download ended without completing, for a reason of its own. */
export class DownloadFailed extends Data.TaggedError("DownloadFailed")<{
  readonly name: string;
  readonly reason: DownloadReason;
}> {
  /** `stalled.no-progress`, `metainfo.bad-piece` …; of an invalid torrent, what its reader says: `metainfo.missing` … */
  get code(): string {
    const { reason } = this;
    return reason._tag === "Invalid" ? reason.error.code : `${family[reason._tag]}.${kebab(reason._tag)}`;
  }
  override get message(): string {
    switch (this.reason._tag) {
      case "NoProgress":
        return `${this.name}: nothing arrived for ${this.reason.seconds} s (${this.reason.waiting}); run the same command again to continue`;
      case "NothingToAsk":
        return `${this.name}: there is no tracker and no peer to ask; name one with --tracker or --peer`;
      case "NothingSelected":
        return `--select ${this.reason.pattern}: no file of ${this.name} matches; see the names with: bt-effect info`;
      case "BadBind":
        return `--bind ${this.reason.address}: this machine has no such address; name one of its own, or leave --bind away to use them all`;
      case "NothingToShare":
        return `${this.name}: nothing of it is at ${this.reason.path}; name the payload itself or the folder that holds it`;
      case "Invalid":
        return `${this.name}: ${this.reason.error.message}`;
      case "BadPiece":
        return `${this.name}: piece ${this.reason.index} failed its check ${this.reason.times} times with different peers; the torrent or this machine's disk or memory is damaged`;
    }
  }
}

/** Everything that can end a download. */
export type DownloadError = DownloadFailed | StorageError;
