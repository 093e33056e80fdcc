/** How far the disk is behind: runs that are full and neither written nor given up. Counted by the assembler. */

/** What waits for the disk. */
export interface Backlog {
  /** Runs that wait now. */
  readonly size: () => number;
  /** How often none waited any more: a disk that is slower than the network does not get there. */
  readonly emptied: () => number;
}

/** The same for who counts. */
export interface BacklogCount extends Backlog {
  readonly filled: () => void;
  readonly done: () => void;
}

/** Nothing waits. */
export const makeBacklog = (): BacklogCount => {
  let size = 0;
  let emptied = 0;
  return {
    size: () => size,
    emptied: () => emptied,
    filled: () => {
      size++;
    },
    done: () => {
      size--;
      if (size === 0) emptied++;
    },
  };
};

/** Asked now and then, whether nothing waited at some time since it was asked last: where something always does, it is the disk that others wait for. */
export const makeCatchingUp = ({ emptied, size }: Backlog): (() => boolean) => {
  let before = 0;
  return () => {
    const since = before;
    before = emptied();
    return before > since || size() === 0;
  };
};
