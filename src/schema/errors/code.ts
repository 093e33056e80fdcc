/**
 * What every error of the program has in common, and the one table from an error's kind to the status that the
 * process exits with (docs/cli contract). The errors themselves live beside this file, one file per service.
 */

/** Statuses of the process, by name; the numbers are a contract that scripts rely on. */
export const EXIT = {
  ok: 0,
  other: 1,
  usage: 2,
  invalid: 3,
  storage: 4,
  stalled: 5,
  damaged: 6,
  interrupted: 130,
  terminated: 143,
} as const;

/** What an error must offer to be shown: a sentence for people and a stable, dotted code for machines. */
export interface Explained {
  readonly _tag: string;
  /** A sentence: what failed, on what, why, and what to do about it where that is known. */
  readonly message: string;
  /** Stable and machine-readable: `storage.no-space`, `tracker.rejected` … */
  readonly code: string;
}

/** The status for an error by the outer part of its code (`storage.no-space` → `storage`). */
export const exitStatusByFamily: Readonly<Record<string, number>> = {
  usage: EXIT.usage,
  bencode: EXIT.invalid,
  metainfo: EXIT.invalid,
  magnet: EXIT.invalid,
  source: EXIT.invalid,
  storage: EXIT.storage,
  resume: EXIT.storage,
  stalled: EXIT.stalled,
  damaged: EXIT.damaged,
};

/** The status that the process ends with after `error`. */
export const exitStatus = (error: Explained): number =>
  exitStatusByFamily[error.code.split(".", 1)[0] ?? ""] ?? EXIT.other;
