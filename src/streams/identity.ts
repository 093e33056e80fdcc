/** Which torrent a request is about, and what is known of it before any peer is asked. */
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Result from "effect/Result";
import * as Hex from "effect/encoding/Hex";
import type { BencodeError } from "../schema/errors/BencodeError.ts";
import { DownloadFailed } from "../schema/errors/DownloadError.ts";
import { MetainfoError } from "../schema/errors/MetainfoError.ts";
import type { InfoHash } from "../schema/infoHash.ts";
import type { TorrentInfo } from "../schema/metainfo.ts";
import { parseInfo } from "../schema/metainfo/parse.ts";
import { Hasher } from "../services/Hasher.ts";
import { ResumeStore } from "../services/ResumeStore/ResumeStore.ts";
import { makeNames, type Names } from "./names.ts";
import type { DownloadRequest } from "./request.ts";

/** A torrent by its hashes. */
export interface Identity {
  /** The hash to go by where one is enough: in what is shown and kept. */
  readonly infoHash: InfoHash;
  readonly names: Names;
  /** For display: what the torrent or the magnet calls itself, else the hash. */
  readonly name: string;
  /** What the info dictionary says; absent until a magnet's metadata arrives. */
  readonly known: TorrentInfo | undefined;
  /** Whether bytes are the info dictionary that a magnet link names, by either of its hashes. */
  readonly isRight: (bytes: Uint8Array) => boolean;
  /** Reads an info dictionary that is right, and keeps it for later runs. Fails where the magnet's other hash is that of another one. */
  readonly learn: (bytes: Uint8Array) => Effect.Effect<TorrentInfo, DownloadFailed>;
}

/** Identifies the torrent; a magnet's metadata is taken from an earlier run where one had it. */
export const identify = Effect.fnUntraced(function* (
  request: DownloadRequest,
): Effect.fn.Return<Identity, DownloadFailed, ResumeStore | Hasher> {
  const { source } = request;
  const hasher = yield* Hasher;
  const store = yield* ResumeStore;
  const model = source._tag === "Magnet" ? source.magnet : source.metainfo.info;
  const { infoHash, infoHashV1, infoHashV2 } = model;
  const name = model.name ?? infoHash.hex;
  const names = makeNames(model, source._tag === "Metainfo");
  const invalid = (error: MetainfoError | BencodeError) =>
    new DownloadFailed({ name, reason: { _tag: "Invalid", error } });

  /** Which of the hashes that are named are those of the bytes. */
  const fits = (bytes: Uint8Array): ReadonlyArray<boolean> => [
    ...(infoHashV1 === undefined ? [] : [Hex.encode(hasher.sha1(bytes)) === infoHashV1]),
    ...(infoHashV2 === undefined ? [] : [Hex.encode(hasher.sha256(bytes)) === infoHashV2]),
  ];
  const read = (bytes: Uint8Array): Effect.Effect<TorrentInfo, DownloadFailed> =>
    Effect.suspend(() => {
      if (fits(bytes).includes(false)) return invalid(new MetainfoError({ reason: { _tag: "TwoTorrents" } }));
      return Effect.fromResult(Result.mapError(parseInfo(bytes, hasher), invalid));
    }).pipe(Effect.tap((info) => Effect.sync(() => names.learned(info))));
  // Without a state folder the metadata is fetched again; that the folder cannot be used is said when the output is opened.
  const kept =
    source._tag === "Magnet"
      ? yield* Effect.map(
          Effect.forEach(names.known(), (known) =>
            Effect.orElseSucceed(store.loadInfo(known), Option.none<Uint8Array>),
          ),
          Option.firstSomeOf,
        )
      : undefined;
  return {
    infoHash,
    names,
    name,
    known:
      source._tag === "Metainfo"
        ? source.metainfo.info
        : kept !== undefined && Option.isSome(kept)
          ? yield* read(kept.value)
          : undefined,
    isRight: (bytes) => fits(bytes).includes(true),
    // Kept by all names: the next link may have another one. Where it cannot be kept it is fetched again; why it cannot is said when the output is opened.
    learn: (bytes) =>
      Effect.tap(read(bytes), () =>
        Effect.forEach(names.known(), (known) => Effect.ignore(store.saveInfo(known, bytes)), { discard: true }),
      ),
  };
});
