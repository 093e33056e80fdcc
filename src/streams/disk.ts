/**
 * The disk through a download: nothing until the metadata is known, then what `prepare` made, to the end. It also knows the phase that the download
 * is in, which follows from that.
 *
 * Life cycle: one per session. `prepare` once, when the metadata is known; `finish` when everything is there; `stop` at the end in any case.
 */
import * as Effect from "effect/Effect";
import * as Latch from "effect/Latch";
import type * as Scope from "effect/Scope";
import type { DownloadError } from "../schema/errors/DownloadError.ts";
import type { StorageError } from "../schema/errors/StorageError.ts";
import type { Phase } from "../schema/events.ts";
import type { TorrentInfo } from "../schema/metainfo.ts";
import type { Events } from "../services/Events.ts";
import type { Hasher } from "../services/Hasher.ts";
import type { Picker } from "../services/Picker/Picker.ts";
import type { ResumeStore } from "../services/ResumeStore/ResumeStore.ts";
import type { Storage } from "../services/Storage/Storage.ts";
import { type Prepared, prepare, type PrepareContext } from "./prepare.ts";
import type { DownloadRequest } from "./request.ts";

/** Bytes that trackers are told are left while the size is unknown: some, so that we are not taken for a seed (libtorrent says as much). */
const UNKNOWN_LEFT = 16_384;

/** The disk of one session. */
export interface Disk {
  readonly phase: () => Phase;
  /** What is prepared, once it is. */
  readonly prepared: () => Prepared | undefined;
  /** Opens output and record, and finds out what is there already. */
  readonly prepare: (
    info: TorrentInfo,
  ) => Effect.Effect<Prepared, DownloadError, Storage | ResumeStore | Hasher | Picker | Events | Scope.Scope>;
  /** Whether everything that is wanted is there. */
  readonly isComplete: () => boolean;
  /** Waits until everything that is wanted is there. */
  readonly complete: Effect.Effect<void>;
  /** A piece is verified and on disk. */
  readonly wrote: (index: number) => void;
  /** Bytes that are missing of what is wanted; of everything where we only share. */
  readonly left: () => number;
  /** What trackers are told is left: bytes that are missing of the whole torrent. */
  readonly lacking: () => number;
  /** Payload bytes sent, earlier runs included, as a multiple of the size; 0 while that is unknown. */
  readonly ratio: () => number;
  readonly finish: Effect.Effect<void, StorageError>;
  readonly stop: Effect.Effect<void>;
}

/** A disk that nothing is known of. */
export const makeDisk = (request: DownloadRequest, context: PrepareContext): Disk => {
  let phase: Phase = "metadata";
  let prepared: Prepared | undefined;
  const complete = Latch.makeUnsafe(false);
  const isComplete = (): boolean => prepared?.torrent.table.missing() === 0;
  return {
    phase: () => phase,
    prepared: () => prepared,
    prepare: (info) =>
      Effect.suspend(() => {
        phase = "checking";
        return Effect.map(prepare(info, request, context), (made) => {
          prepared = made;
          phase = isComplete() ? "finishing" : "downloading";
          if (isComplete()) Latch.openUnsafe(complete);
          return made;
        });
      }),
    isComplete,
    complete: complete.await,
    wrote: (index) => {
      prepared?.wrote(index);
      if (isComplete()) Latch.openUnsafe(complete);
    },
    left: () => prepared?.left() ?? 0,
    lacking: () => prepared?.lacking() ?? UNKNOWN_LEFT,
    ratio: () =>
      prepared === undefined ? 0 : (prepared.sentBefore + context.totals.uploaded) / Math.max(1, prepared.selectedSize),
    finish: Effect.suspend(() => {
      phase = "finishing";
      return Effect.map(prepared?.finish ?? Effect.void, () => {
        if (request.seed) phase = "seeding";
      });
    }),
    stop: Effect.suspend(() => prepared?.stop ?? Effect.void),
  };
};
