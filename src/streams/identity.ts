/** Which torrent a request is about, and what is known of it before any peer is asked. */
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Result from "effect/Result";
import type { BencodeError } from "../schema/errors/BencodeError.ts";
import { DownloadFailed } from "../schema/errors/DownloadError.ts";
import { MetainfoError } from "../schema/errors/MetainfoError.ts";
import type { InfoHash } from "../schema/infoHash.ts";
import type { TorrentInfo } from "../schema/metainfo.ts";
import { parseInfo } from "../schema/metainfo/parse.ts";
import { Hasher } from "../services/Hasher.ts";
import { ResumeStore } from "../services/ResumeStore/ResumeStore.ts";
import type { DownloadRequest } from "./request.ts";

/** A torrent by its hash. */
export interface Identity {
  readonly infoHash: InfoHash;
  /** For display: what the torrent or the magnet calls itself, else the hash. */
  readonly name: string;
  /** What the info dictionary says; absent until a magnet's metadata arrives. */
  readonly known: TorrentInfo | undefined;
  /** Reads an info dictionary whose hash fits, and keeps it for later runs. */
  readonly learn: (bytes: Uint8Array) => Effect.Effect<TorrentInfo, DownloadFailed>;
}

/** Identifies the torrent; a magnet's metadata is taken from an earlier run where one had it. Fails for v2-only torrents. */
export const identify = Effect.fnUntraced(function* (
  request: DownloadRequest,
): Effect.fn.Return<Identity, DownloadFailed, ResumeStore | Hasher> {
  const { source } = request;
  const hasher = yield* Hasher;
  const store = yield* ResumeStore;
  const model = source._tag === "Magnet" ? source.magnet : source.metainfo.info;
  const { infoHash } = model;
  const name = model.name ?? infoHash.hex;
  const invalid = (error: MetainfoError | BencodeError) =>
    new DownloadFailed({ name, reason: { _tag: "Invalid", error } });
  if (source._tag === "Magnet" && model.infoHashV1 === undefined)
    return yield* invalid(new MetainfoError({ reason: { _tag: "OnlyV2" } }));

  const read = (bytes: Uint8Array): Effect.Effect<TorrentInfo, DownloadFailed> =>
    Effect.fromResult(Result.mapError(parseInfo(bytes, hasher), invalid));
  // Without a state folder the metadata is fetched again; that the folder cannot be used is said when the output is opened.
  const kept =
    source._tag === "Magnet" ? yield* Effect.orElseSucceed(store.loadInfo(infoHash), Option.none) : undefined;
  return {
    infoHash,
    name,
    known:
      source._tag === "Metainfo"
        ? source.metainfo.info
        : kept !== undefined && Option.isSome(kept)
          ? yield* read(kept.value)
          : undefined,
    // Where the metadata cannot be kept a later run fetches it again; why it cannot is said when the output is opened.
    learn: (bytes) => Effect.tap(read(bytes), () => Effect.ignore(store.saveInfo(infoHash, bytes))),
  };
});
