/**
 * How one web seed stands: when it may be asked again, what it does not have, whether it is given up. It asks nothing.
 *
 * Life cycle: made when the metadata is there; `leave` when the download ends. A seed that is gone stays gone.
 */
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import type { WebSeedError } from "../../schema/errors/WebSeedError.ts";
import { piecesOf } from "../../schema/geometry.ts";
import { DEFAULT_RETRY, MAX_RETRY } from "../../schema/webSeed.ts";
import type { Torrent } from "../torrent.ts";

/** A URL and how it is asked: for parts of files (BEP 19) or for pieces (BEP 17). */
export interface SeedUrl {
  readonly url: string;
  /** The same without user name and password: by this it is known to people and to blame. */
  readonly shown: string;
  readonly kind: "files" | "pieces";
}

/** Where a seed stands. Times are milliseconds of the monotonic clock. */
export interface Seed extends SeedUrl {
  readonly slot: number;
  /** Completes when the seed is given up. */
  readonly gone: Deferred.Deferred<void>;
  /** How long it is not to be asked yet; 0 when it may be now. */
  readonly wait: (now: number) => number;
  /** Completes when it has given something. */
  readonly proven: Deferred.Deferred<void>;
  readonly succeeded: () => void;
  /** One more of its connections has something to do, or one less. */
  readonly busy: (by: 1 | -1) => void;
  readonly isBusy: () => boolean;
  /** A request failed; `file` is what was asked for, where that is known. Whether people should hear of it. */
  readonly failed: (error: WebSeedError, file: number | undefined, now: number) => boolean;
  /** It sent wrong bytes, or is of no use: it is asked no more. */
  readonly giveUp: () => void;
  /** Frees its place in the table. */
  readonly leave: () => void;
}

/** A seed that has everything, as far as we know. */
export const makeSeed = (torrent: Torrent, url: SeedUrl): Seed => {
  const { info, table } = torrent;
  const slot = table.addPeer();
  table.peerHasAll(slot);
  const proven = Deferred.makeUnsafe<void>();
  const gone = Deferred.makeUnsafe<void>();
  let present = true;
  let failures = 0;
  let working = 0;
  let notBefore = Number.NEGATIVE_INFINITY;

  const leave = (): void => {
    if (present) table.removePeer(slot);
    present = false;
  };
  const giveUp = (): void => {
    if (!present) return;
    // Its place in the table stays until the download ends, empty: connections may still hold blocks in its name.
    table.peerHasBits(slot, new Uint8Array(table.haveBits.length));
    Deferred.doneUnsafe(gone, Effect.void);
  };
  const lacks = (file: number | undefined): void => {
    const extent = file === undefined ? undefined : info.files[file];
    const range = extent === undefined ? undefined : piecesOf(info, extent);
    if (range === undefined) return giveUp();
    for (let index = range.first; index <= range.last; index++) table.peerLost(slot, index);
    if (table.peerCount(slot) === 0) giveUp();
  };
  const pause = (seconds: number, now: number): void => {
    notBefore = Math.max(notBefore, now + seconds * 1000);
  };

  return {
    ...url,
    slot,
    gone,
    wait: (now) => Math.max(notBefore - now, 0),
    proven,
    succeeded: () => {
      Deferred.doneUnsafe(proven, Effect.void);
      failures = 0;
    },
    busy: (by) => {
      working += by;
    },
    isBusy: () => working > 0,
    failed: ({ reason }, file, now) => {
      switch (reason._tag) {
        case "Busy":
          pause(reason.seconds, now);
          return failures++ === 0;
        case "Missing":
          lacks(file);
          return true;
        case "NoRanges":
        case "BadRedirect":
          giveUp();
          return true;
        default:
          if (reason._tag === "HttpStatus" && reason.status >= 400 && reason.status < 500) {
            giveUp();
            return true;
          }
          pause(Math.min(DEFAULT_RETRY * 2 ** Math.min(failures, 10), MAX_RETRY), now);
          return failures++ === 0;
      }
    },
    giveUp,
    leave,
  };
};
