/**
 * A set of pieces kept in order of their levels (how many peers have them), so that one step up or down is a swap and the rarest are at the
 * front. It is not a picker: it knows neither peers nor what is wanted.
 *
 * State: three typed arrays. `order` holds the members sorted by level, `position` where each one is, `start` where each level begins.
 * The levels themselves belong to the caller, who tells of each change.
 */

/** The set; its arrays are to be read, not written. */
export interface Rarity {
  /** The members by level, in its first `size()` places; equals in no particular order. */
  readonly order: Uint32Array;
  /** Where in `order` a piece is; -1 when it is not a member. */
  readonly position: Int32Array;
  readonly size: () => number;
  /** The place in `order` of the first member at `level` or above; `size()` when there is none. */
  readonly startOf: (level: number) => number;
  readonly insert: (index: number, level: number) => void;
  readonly remove: (index: number, level: number) => void;
  /** A member's level goes from `level` to `level + 1`. */
  readonly raise: (index: number, level: number) => void;
  /** A member's level goes from `level` to `level - 1`. */
  readonly lower: (index: number, level: number) => void;
  /** All levels change by `by`, none below zero. */
  readonly shift: (by: number) => void;
}

/** Levels that a new set has room for; more are made when needed. */
const FIRST_LEVELS = 64;

/** An empty set for pieces below `pieceCount`. */
export const makeRarity = (pieceCount: number): Rarity => {
  const order = new Uint32Array(pieceCount);
  const position = new Int32Array(pieceCount).fill(-1);
  let start = new Uint32Array(FIRST_LEVELS);
  /** Levels whose beginning is kept; those above begin at `size`. */
  let levels = 0;
  let size = 0;

  const reach = (count: number): void => {
    if (count <= levels) return;
    if (count > start.length) {
      const wider = new Uint32Array(Math.max(count, start.length * 2));
      wider.set(start);
      start = wider;
    }
    start.fill(size, levels, count);
    levels = count;
  };
  const put = (index: number, at: number): void => {
    order[at] = index;
    position[index] = at;
  };
  const swap = (index: number, to: number): void => {
    const from = position[index] ?? 0;
    put(order[to] ?? 0, from);
    put(index, to);
  };

  return {
    order,
    position,
    size: () => size,
    startOf: (level) => (level < levels ? (start[level] ?? size) : size),
    insert: (index, level) => {
      reach(level + 1);
      let hole = size++;
      for (let above = levels - 1; above > level; above--) {
        const first = start[above] ?? 0;
        if (first < hole) put(order[first] ?? 0, hole);
        hole = first;
        start[above] = first + 1;
      }
      put(index, hole);
    },
    remove: (index, level) => {
      let hole = position[index] ?? 0;
      for (let above = level + 1; above < levels; above++) {
        const last = (start[above] ?? 0) - 1;
        if (last > hole) put(order[last] ?? 0, hole);
        hole = last;
        start[above] = last;
      }
      size--;
      if (size > hole) put(order[size] ?? 0, hole);
      position[index] = -1;
    },
    raise: (index, level) => {
      reach(level + 2);
      const last = (start[level + 1] ?? 0) - 1;
      swap(index, last);
      start[level + 1] = last;
    },
    lower: (index, level) => {
      const first = start[level] ?? 0;
      swap(index, first);
      start[level] = first + 1;
    },
    shift: (by) => {
      // Levels above the last member are forgotten.
      while (levels > 0 && start[levels - 1] === size) levels--;
      const before = levels;
      if (by > 0) reach(before + by);
      start.copyWithin(Math.max(by, 0), Math.max(-by, 0), before);
      if (by > 0) start.fill(0, 0, by);
      else levels = Math.max(before + by, 0);
    },
  };
};
