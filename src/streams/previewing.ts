/** What a download would do, told without doing it: nothing is written, locked, hashed or asked. */
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Bitfield from "../schema/bitfield.ts";
import type { DownloadFailed } from "../schema/errors/DownloadError.ts";
import type { StorageError } from "../schema/errors/StorageError.ts";
import { pieceLength, wantedPieces } from "../schema/geometry.ts";
import type { TorrentInfo } from "../schema/metainfo.ts";
import type { ResumeRecord } from "../schema/resume.ts";
import { ResumeStore } from "../services/ResumeStore/ResumeStore.ts";
import { Storage } from "../services/Storage/Storage.ts";
import { layoutOf, rootOf } from "./output.ts";
import type { DownloadRequest } from "./request.ts";
import { selectFiles } from "./selection.ts";
import { originsOf } from "./sources.ts";

/** A file of the torrent, and what is in its place. */
export interface FilePreview {
  /** Position in the torrent, by which `--select` chooses. */
  readonly index: number;
  /** Within the torrent, with `/`. */
  readonly path: string;
  /** Bytes, and how many of them are on disk, good or not. */
  readonly size: number;
  readonly found: number;
  readonly selected: boolean;
}

/** What a download would do. */
export interface Preview {
  readonly name: string;
  readonly version: TorrentInfo["version"];
  readonly infoHash: string;
  /** In full, of the versions that the torrent has. */
  readonly infoHashV1?: string;
  readonly infoHashV2?: string;
  /** Absolute. */
  readonly output: string;
  readonly files: ReadonlyArray<FilePreview>;
  /** Bytes of all files, of those chosen, and of what an earlier run has verified of them. */
  readonly size: number;
  readonly selectedSize: number;
  readonly recorded: number;
  /** Bytes free where the output would be. */
  readonly free: number;
  readonly renamed: TorrentInfo["renamed"];
  /** Announce URLs by tier. */
  readonly trackers: ReadonlyArray<ReadonlyArray<string>>;
}

/** Bytes of the wanted pieces that a record has as written. */
const recordedBytes = (info: TorrentInfo, selected: ReadonlyArray<number>, record: ResumeRecord): number => {
  const wanted = wantedPieces(info, selected);
  let bytes = 0;
  for (let index = 0; index < info.pieceCount; index++) {
    if (Bitfield.has(wanted, index) && Bitfield.has(record.written, index)) bytes += pieceLength(info, index);
  }
  return bytes;
};

/** Looks at what a request would do with a torrent whose metadata is known. */
export const preview = (
  info: TorrentInfo,
  request: DownloadRequest,
): Effect.Effect<Preview, DownloadFailed | StorageError, Storage | ResumeStore> =>
  Effect.gen(function* () {
    const store = yield* ResumeStore;
    const selected = yield* Effect.fromResult(selectFiles(info, request));
    const root = yield* rootOf(info, request);
    const key = { infoHash: info.infoHash, root };
    // A state folder that cannot be read knows of no earlier run, as for the download itself.
    const record = Option.filter(
      yield* Effect.orElseSucceed(store.load(key), Option.none),
      ({ pieceCount }) => pieceCount === info.pieceCount,
    );
    const layout = yield* layoutOf(info, root, { selected, record, asidePath: store.asidePath(key) });
    const storage = yield* Storage.use((service) => service.open(layout));
    const states = yield* storage.survey;
    const chosen = new Set(selected);
    const files = info.files.flatMap((file, index): ReadonlyArray<FilePreview> => {
      if (file.pad) return [];
      const found = Math.min(file.length, states[index]?.size ?? 0);
      return [{ index, path: file.path.join("/"), size: file.length, found, selected: chosen.has(index) }];
    });
    return {
      name: info.name,
      version: info.version,
      infoHash: info.infoHash.hex,
      ...(info.infoHashV1 !== undefined && { infoHashV1: info.infoHashV1 }),
      ...(info.infoHashV2 !== undefined && { infoHashV2: info.infoHashV2 }),
      output: root,
      files,
      size: files.reduce((sum, file) => sum + file.size, 0),
      selectedSize: files.reduce((sum, file) => (file.selected ? sum + file.size : sum), 0),
      recorded: Option.match(record, {
        onNone: () => 0,
        onSome: (kept) => recordedBytes(info, selected, kept),
      }),
      free: yield* storage.free,
      renamed: info.renamed,
      trackers: originsOf(request, info.private).tiers,
    };
  }).pipe(Effect.scoped);
