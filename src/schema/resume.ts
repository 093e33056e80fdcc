/**
 * What is kept of a download between runs. Versioned; a record of another version counts as none. Trust in it is decided elsewhere
 * (`streams/resume.ts`); this file only says what it holds.
 */

/** The version written into each record; raised when the meaning of a field changes. */
export const RESUME_VERSION = 1;

/** Peers that a record names at the most. */
export const MAX_RECORD_PEERS = 200;

/** Blocks of a piece that was under way at an orderly stop. */
export interface PartialPiece {
  readonly index: number;
  /** One bit per block of 16 KiB, most significant first: set when the block is on disk. */
  readonly blocks: Uint8Array;
}

/** One torrent at one output, as of `time`. */
export interface ResumeRecord {
  readonly version: typeof RESUME_VERSION;
  /** Milliseconds since 1970 when the record was made. */
  readonly time: number;
  /** The machine's boot id then. */
  readonly bootId: string;
  /** Whether the run ended in order (everything synced, nothing written after the record). */
  readonly clean: boolean;
  /** Whether everything chosen was complete. */
  readonly complete: boolean;
  readonly pieceCount: number;
  /** Bits of the pieces that were verified and written, most significant first. */
  readonly written: Uint8Array;
  /** Those of them that were also synced. */
  readonly synced: Uint8Array;
  readonly partial: ReadonlyArray<PartialPiece>;
  /** Payload bytes since the first run. */
  readonly downloaded: number;
  readonly uploaded: number;
  /** Peers that were of use, as `address:port`, the latest first. */
  readonly peers?: ReadonlyArray<string>;
  /** Indices of the files chosen; absent when all were. */
  readonly selected?: ReadonlyArray<number>;
}
