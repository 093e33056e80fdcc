/**
 * The disk's side of a download: where it goes, what is there already, the piece table and the assembler over it, and the record of it all.
 *
 * Life cycle: made when the metadata is known; output, lock and files are held as long as the scope. `stop` is called once, at the end, however the
 * download ended; before it `finish`, when everything is there.
 */
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import type * as NetAddress from "effect/net/NetAddress";
import * as Option from "effect/Option";
import * as Scope from "effect/Scope";
import * as Bitfield from "../schema/bitfield.ts";
import { type DownloadError, DownloadFailed } from "../schema/errors/DownloadError.ts";
import { StorageError } from "../schema/errors/StorageError.ts";
import { payloadLength, pieceLength, wantedPieces } from "../schema/geometry.ts";
import type { MetainfoError } from "../schema/errors/MetainfoError.ts";
import type { TorrentInfo } from "../schema/metainfo.ts";
import { DataSettings } from "../schema/settings.ts";
import { Events } from "../services/Events.ts";
import { Hasher } from "../services/Hasher.ts";
import { makePieceDigests } from "../services/pieceDigest.ts";
import { Picker, type PieceTable } from "../services/Picker/Picker.ts";
import type { ResumeStore } from "../services/ResumeStore/ResumeStore.ts";
import { type OpenStorage, Storage } from "../services/Storage/Storage.ts";
import type { Acquaintances } from "./acquaintances.ts";
import { makeAssembler } from "./assembler/assembler.ts";
import { makeBuffers } from "./buffers.ts";
import { checkPieces } from "./checking.ts";
import { recallHashes } from "./layers.ts";
import { openOutput, type Output } from "./output.ts";
import { padBlocks, padPieces } from "./padding.ts";
import { isFull, keepPartials, restorePartials } from "./partials.ts";
import { makeRecorder, type Recorder } from "./recorder.ts";
import { tellChecking } from "./progress.ts";
import { recover } from "./resume.ts";
import type { DownloadRequest } from "./request.ts";
import type { Totals } from "./Swarm.ts";
import { makeTorrent, type Torrent } from "./torrent.ts";

/** A download that can begin. */
export interface Prepared {
  readonly torrent: Torrent;
  /** The output, absolute. */
  readonly root: string;
  /** Bytes of the files chosen. */
  readonly selectedSize: number;
  /** Indices of the files chosen. */
  readonly selected: ReadonlyArray<number>;
  /** Bytes that are missing of what is wanted; of everything where we only share. */
  readonly left: () => number;
  /** Bytes that are missing of the whole torrent, wanted or not. */
  readonly lacking: () => number;
  /** Peers that were of use to earlier runs. */
  readonly peers: ReadonlyArray<NetAddress.InetAddress>;
  /** Payload bytes that earlier runs sent. */
  readonly sentBefore: number;
  /** A piece is verified and on disk. */
  readonly wrote: (index: number) => void;
  /** Records the progress for as long as it runs; fails with the disk. */
  readonly record: Effect.Effect<never, StorageError>;
  /** Everything is there: brings the files into their last shape. */
  readonly finish: Effect.Effect<void, StorageError>;
  /** Keeps what is there of pieces under way, and makes the last record. */
  readonly stop: Effect.Effect<void>;
}

/** What the disk's side is told by the session. */
export interface PrepareContext {
  /** Pieces that are to come from one peer alone. */
  readonly suspect: (index: number) => boolean;
  /** Who was of use. */
  readonly acquaintances: Acquaintances;
  /** Payload bytes of this run. */
  readonly totals: Totals;
  /** The output is chosen and ours; nothing was looked at yet. */
  readonly opened: (root: string) => Effect.Effect<void>;
}

/** Fewer buffers than this leave no piece to fetch while another is written. */
const LEAST_BUFFERS = 4;
/** Bytes of the pieces that we do not have: of those wanted, or of all. */
const missingBytes = (info: TorrentInfo, table: PieceTable, which: "wanted" | "all"): number => {
  let bytes = 0;
  for (let index = 0; index < info.pieceCount; index++)
    if (!table.have(index) && (which === "all" || table.wanted(index))) bytes += pieceLength(info, index);
  return bytes;
};

const tellMetadata = (info: TorrentInfo, output: Output, selectedSize: number) => {
  const chosen = new Set(output.selected);
  return Events.use((events) =>
    events.publish({
      type: "metadata",
      infoHash: info.infoHash.hex,
      name: info.name,
      output: output.layout.root,
      size: payloadLength(info),
      selectedSize,
      files: info.files.flatMap((file, index) =>
        file.pad ? [] : [{ path: file.path.join("/"), size: file.length, selected: chosen.has(index) }],
      ),
      pieceLength: info.pieceLength,
      pieceCount: info.pieceCount,
      private: info.private,
    }),
  );
};

/** Fails when what is missing does not fit on the disk. */
const checkSpace = Effect.fnUntraced(function* (storage: OpenStorage, root: string, needed: number) {
  const free = yield* storage.free;
  if (free < needed)
    return yield* new StorageError({ operation: "write", path: root, reason: { _tag: "NoSpace", needed, free } });
});

/** Prepares the disk for a torrent whose metadata is known. */
export const prepare = Effect.fnUntraced(function* (
  info: TorrentInfo,
  request: DownloadRequest,
  context: PrepareContext,
): Effect.fn.Return<Prepared, DownloadError, Storage | ResumeStore | Hasher | Picker | Events | Scope.Scope> {
  const events = yield* Events;
  const hasher = yield* Hasher;
  const picker = yield* Picker;
  const settings = yield* DataSettings;
  const output = yield* openOutput(info, request);
  const { root } = output.layout;
  const invalid = (error: MetainfoError) =>
    Effect.fail(new DownloadFailed({ name: info.name, reason: { _tag: "Invalid", error } }));
  const selectedSize = output.selected.reduce((sum, index) => sum + (info.files[index]?.length ?? 0), 0);
  yield* context.opened(root);
  yield* tellMetadata(info, output, selectedSize);

  const storage = yield* Storage.use((service) => service.open(output.layout));
  const { source } = request;
  const layers = source._tag === "Metainfo" ? source.metainfo.pieceLayers : undefined;
  const { hashes, save: saveHashes } = yield* recallHashes(info, layers);
  const recovered = yield* recover({
    info,
    hashes,
    output,
    storage,
    check: request.check,
    overwrite: request.overwrite,
    onProgress: yield* tellChecking,
  }).pipe(Effect.catchTag("MetainfoError", invalid));
  const full = Bitfield.make(info.pieceCount);
  for (const partial of recovered.partial) if (isFull({ info }, partial)) Bitfield.set(full, partial.index);
  const fullAndGood = yield* Effect.catchTag(
    checkPieces({ info, hashes, storage, pieces: full }),
    "MetainfoError",
    invalid,
  );
  const have = Bitfield.union(Bitfield.union(recovered.have, fullAndGood), padPieces(info));

  const chosen = wantedPieces(info, output.selected);
  const wanted = request.shareOnly ? Bitfield.make(info.pieceCount) : chosen;
  const order = request.sequential ? "sequential" : "rarest";
  const table = yield* picker.make({ pieceCount: info.pieceCount, order, wanted, have });
  if (request.shareOnly && table.haveCount() === 0)
    return yield* new DownloadFailed({ name: info.name, reason: { _tag: "NothingToShare", path: root } });
  const lacking = (): number => missingBytes(info, table, "all");
  const left = (): number => (request.shareOnly ? lacking() : missingBytes(info, table, "wanted"));
  const runLength = Math.min(info.pieceLength, settings.runLength);
  const assembler = makeAssembler({
    table,
    beginDigest: makePieceDigests(info, hasher).begin,
    buffers: makeBuffers(runLength, Math.max(LEAST_BUFFERS, Math.floor(settings.bufferBytes / runLength))),
    pieceLength: (index) => pieceLength(info, index),
    runLength,
    suspect: context.suspect,
    isPad: padBlocks(info),
  });
  const kept: { recorder?: Recorder } = {};
  const torrent = makeTorrent({ info, table, assembler, storage, hashes, recorder: () => kept.recorder });
  yield* events.publish({
    type: "resumed",
    bytes: selectedSize - Math.min(selectedSize, left()),
    pieces: table.haveCount(),
    from: recovered.from,
  });
  yield* checkSpace(storage, root, missingBytes(info, table, "wanted"));
  const partial = recovered.partial.filter((partial) => !isFull(torrent, partial));
  if (!request.shareOnly) yield* restorePartials(torrent, partial);

  const recorded = Option.getOrUndefined(output.record)?.peers ?? [];
  const peers = context.acquaintances.recall(info.private ? [] : recorded);
  const recording = yield* Effect.flatMap(Effect.scope, Scope.fork);
  const recorder = yield* makeRecorder({
    output,
    storage,
    recovered: { ...recovered, have },
    info,
    wanted: chosen,
    traffic: () => context.totals,
    peers: info.private ? () => [] : context.acquaintances.list,
    also: saveHashes,
    partial: request.shareOnly ? Effect.succeed(partial) : keepPartials(torrent),
  }).pipe(Scope.provide(recording));
  kept.recorder = recorder;
  return {
    torrent,
    root,
    selectedSize,
    selected: output.selected,
    left,
    lacking,
    peers,
    sentBefore: recovered.uploaded,
    wrote: recorder.wrote,
    record: recorder.run,
    finish: request.shareOnly ? Effect.void : storage.finish,
    stop: Scope.close(recording, Exit.void),
  };
});
