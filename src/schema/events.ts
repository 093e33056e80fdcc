/**
 * What a download tells the world: one union for the library's stream, the live display and `--json`. Sizes are bytes, rates bytes
 * per second; `time` is added when an event is encoded for `--json`.
 */
import type { Cause } from "./explain.ts";

/** The download is known and begins. */
export interface Started {
  readonly type: "started";
  readonly infoHash: string;
  readonly name: string;
  /** The output, absolute. */
  readonly output: string;
  /** Absent while a magnet's metadata is not there. */
  readonly size?: number;
  /** The port that is listened on; absent when none could be had. */
  readonly port?: number;
}

/** The metadata is there (at once for a .torrent, after the peers sent it for a magnet). */
export interface MetadataReady {
  readonly type: "metadata";
  readonly infoHash: string;
  readonly name: string;
  readonly output: string;
  readonly size: number;
  /** Bytes of the files chosen. */
  readonly selectedSize: number;
  readonly files: ReadonlyArray<{ readonly path: string; readonly size: number; readonly selected: boolean }>;
  readonly pieceLength: number;
  readonly pieceCount: number;
  readonly private: boolean;
}

/** What is on disk already was looked at. */
export interface Resumed {
  readonly type: "resumed";
  /** Bytes of chosen files that are there and verified. */
  readonly bytes: number;
  readonly pieces: number;
  /** `record`: resume data that fits; `hashed`: files were hashed; `none`: nothing was there. */
  readonly from: "record" | "hashed" | "none";
}

/** What the download is waiting for or doing. */
export type Phase = "checking" | "metadata" | "downloading" | "finishing" | "seeding";

/** Each second. */
export interface Progress {
  readonly type: "progress";
  readonly phase: Phase;
  /** Chosen bytes done / in all. While checking: bytes looked at / in all. */
  readonly done: number;
  readonly total: number;
  readonly downloadRate: number;
  readonly uploadRate: number;
  readonly downloaded: number;
  readonly uploaded: number;
  /** Payload bytes sent, earlier runs included, as a multiple of the size; while sharing. */
  readonly ratio?: number;
  /** Seconds; absent when it cannot be told. */
  readonly eta?: number;
  readonly peers: number;
  readonly seeds: number;
  /** Peers that choke us. */
  readonly choking: number;
  /** Addresses known, connected or not. */
  readonly known: number;
  /** Pieces that are there, and all, of those that the chosen files lie in: of all files where none were chosen. */
  readonly pieces: number;
  readonly pieceCount: number;
  /** Done bytes per chosen file, in the order of `metadata.files`' chosen ones; only when there are at most 16. */
  readonly files?: ReadonlyArray<number>;
  /** What it is waiting for and why, as a sentence; absent when all is well. */
  readonly waiting?: string;
}

/** A peer came or went. */
export interface PeerEvent {
  readonly type: "peer";
  readonly address: string;
  readonly state: "connected" | "disconnected" | "failed" | "banned";
  readonly direction?: "incoming" | "outgoing";
  readonly client?: string;
  readonly code?: string;
  readonly message?: string;
}

/** A tracker answered or failed. */
export interface TrackerEvent {
  readonly type: "tracker";
  readonly url: string;
  readonly state: "announcing" | "ok" | "failed";
  readonly peers?: number;
  readonly seeders?: number;
  readonly leechers?: number;
  /** Seconds until the next try. */
  readonly next?: number;
  /** Seconds until a try while the download is short of peers, where that is sooner. */
  readonly soonest?: number;
  readonly code?: string;
  readonly message?: string;
}

/** Why the download is slow or stuck, the most likely cause first; empty when it is not. Told when the causes change. */
export interface Explained {
  readonly type: "explain";
  readonly causes: ReadonlyArray<Cause>;
}

/** Something a person should know, that ends nothing. */
export interface Warning {
  readonly type: "warning";
  readonly code: string;
  readonly message: string;
}

/** All that was chosen is verified and on disk. */
export interface Complete {
  readonly type: "complete";
  readonly output: string;
  readonly size: number;
  readonly downloaded: number;
  readonly uploaded: number;
  /** Seconds since the start. */
  readonly seconds: number;
  /** What is there is shared from now on; absent when the download ends. */
  readonly sharing?: boolean;
}

/** The download was stopped before completion, its state saved; or sharing has ended. */
export interface Stopped {
  readonly type: "stopped";
  readonly done: number;
  readonly total: number;
}

/** The download failed; the stream fails with the error itself after this. */
export interface Failed {
  readonly type: "error";
  readonly code: string;
  readonly message: string;
}

/** Everything a download tells. */
export type DownloadEvent =
  | Started
  | MetadataReady
  | Resumed
  | Progress
  | PeerEvent
  | TrackerEvent
  | Explained
  | Warning
  | Complete
  | Stopped
  | Failed;
