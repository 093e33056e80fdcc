/**
 * The pieces that were read last for some peer, and so are in memory still, most likely: what is suggested to others (BEP 6). A hint that costs nobody
 * anything; it decides nothing.
 */

/** Pieces remembered. */
const MOST = 16;
/** Pieces suggested to one peer at once. */
const SUGGESTIONS = 4;

/** The pieces read last, of one download. */
export interface RecentReads {
  readonly note: (index: number) => void;
  /** The latest of those that `isFit` says are for the peer. */
  readonly suggest: (isFit: (index: number) => boolean) => ReadonlyArray<number>;
}

/** Nothing read yet. */
export const makeRecentReads = (): RecentReads => {
  let recent: Array<number> = [];
  return {
    note: (index) => {
      if (recent[0] !== index) recent = [index, ...recent.filter((other) => other !== index)].slice(0, MOST);
    },
    suggest: (isFit) => recent.filter(isFit).slice(0, SUGGESTIONS),
  };
};
