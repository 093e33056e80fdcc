/**
 * The disk's side of a download: where it goes, what is there already, the piece table and the assembler over it, and the record of it all.
 *
 * Life cycle: made when the metadata is known; output, lock and files are held as long as the scope. `finish` or `stop` is called once, at the end.
 */
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import * as Bitfield from "../schema/bitfield.ts";
import type { DownloadError } from "../schema/errors/DownloadError.ts";
import type { StorageError } from "../schema/errors/StorageError.ts";
import { pieceLength, wantedPieces } from "../schema/geometry.ts";
import type { TorrentInfo } from "../schema/metainfo.ts";
import { DataSettings } from "../schema/settings.ts";
import { Events } from "../services/Events.ts";
import { Hasher } from "../services/Hasher.ts";
import { Picker } from "../services/Picker/Picker.ts";
import type { ResumeStore } from "../services/ResumeStore/ResumeStore.ts";
import { Storage } from "../services/Storage/Storage.ts";
import { makeAssembler } from "./assembler/assembler.ts";
import { makeBuffers } from "./assembler/buffers.ts";
import { openOutput } from "./output.ts";
import type { DownloadRequest } from "./request.ts";
import type { Torrent } from "./Swarm.ts";

/** A download that can begin. */
export interface Prepared {
  readonly torrent: Torrent;
  /** The output, absolute. */
  readonly root: string;
  /** Bytes of the files chosen. */
  readonly selectedSize: number;
  /** Indices of the files chosen. */
  readonly selected: ReadonlyArray<number>;
  /** Bytes that are missing, for trackers. */
  readonly left: () => number;
  /** A piece is verified and on disk. */
  readonly wrote: (index: number) => void;
  /** Everything is there: brings the files into their last shape and records it. */
  readonly finish: Effect.Effect<void, StorageError>;
  /** Ends before that: keeps what is there of pieces under way, and records it. */
  readonly stop: Effect.Effect<void>;
}

/** Fewer buffers than this leave no piece to fetch while another is written. */
const LEAST_BUFFERS = 4;

/** Prepares the disk for a torrent whose metadata is known. */
export const prepare = Effect.fnUntraced(function* (
  info: TorrentInfo,
  request: DownloadRequest,
): Effect.fn.Return<
  Prepared,
  DownloadError,
  Storage | ResumeStore | Hasher | Picker | Events | Scope.Scope
> {
  const events = yield* Events;
  const storage = yield* Storage;
  const hasher = yield* Hasher;
  const picker = yield* Picker;
  const settings = yield* DataSettings;
  const output = yield* openOutput(info, request);
  const open = yield* storage.open(output.layout);
  const wanted = wantedPieces(info, output.selected);
  const have = Bitfield.make(info.pieceCount);
  const table = yield* picker.make({
    pieceCount: info.pieceCount,
    order: request.sequential ? "sequential" : "rarest",
    wanted,
    have,
  });
  const runLength = Math.min(info.pieceLength, settings.runLength);
  const assembler = makeAssembler({
    table,
    hasher,
    buffers: makeBuffers(runLength, Math.max(LEAST_BUFFERS, Math.floor(settings.bufferBytes / runLength))),
    pieceLength: (index) => pieceLength(info, index),
    runLength,
    suspect: () => false,
  });
  const selectedSize = output.selected.reduce((sum, index) => sum + (info.files[index]?.length ?? 0), 0);
  const chosen = new Set(output.selected);
  yield* events.publish({
    type: "metadata",
    infoHash: info.infoHash.hex,
    name: info.name,
    output: output.layout.root,
    size: info.totalLength,
    selectedSize,
    files: info.files.flatMap((file, index) =>
      file.pad ? [] : [{ path: file.path.join("/"), size: file.length, selected: chosen.has(index) }],
    ),
    pieceLength: info.pieceLength,
    pieceCount: info.pieceCount,
    private: info.private,
  });
  return {
    torrent: { info, table, assembler, storage: open },
    root: output.layout.root,
    selectedSize,
    selected: output.selected,
    left: () => table.missing() * info.pieceLength,
    wrote: () => {},
    finish: open.finish,
    stop: Effect.void,
  };
});
