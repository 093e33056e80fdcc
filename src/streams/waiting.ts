/**
 * The requests to one peer that wait for an answer, in the order in which they were sent, each with its time. Answers mostly come in that order, so what
 * is looked for is mostly found first: two typed arrays do with no memory per request, which a Map would throw away with every block.
 */

/** Requests by key (`assembler/blockKey.ts`), oldest first. Times are milliseconds. */
export interface Waiting {
  readonly size: () => number;
  /** When the oldest was sent; -1 where none waits. */
  readonly oldest: () => number;
  /** Adds a request that is not there yet. */
  readonly add: (key: number, now: number) => void;
  /** When it was sent; -1 where it is not there. */
  readonly sentAt: (key: number) => number;
  /** Takes it out; when it was sent, -1 where it was not there. */
  readonly take: (key: number) => number;
  /** All keys, as a copy. */
  readonly keys: () => ReadonlyArray<number>;
  readonly clear: () => void;
}

/** Room at first; it grows with what waits, which is bounded by what a peer is asked for at once. */
const ROOM = 64;

/** Nothing waits. */
export const makeWaiting = (): Waiting => {
  let keys = new Float64Array(ROOM);
  let times = new Float64Array(ROOM);
  // What waits is at `head` and up to, without, `end`.
  let head = 0;
  let end = 0;

  const find = (key: number): number => {
    for (let at = head; at < end; at++) if (keys[at] === key) return at;
    return -1;
  };

  /** Moves what waits to the beginning, of larger arrays where it fills more than half of these. */
  const makeRoom = (): void => {
    const [oldKeys, oldTimes] = [keys, times];
    if (end - head > keys.length / 2) {
      keys = new Float64Array(2 * oldKeys.length);
      times = new Float64Array(2 * oldTimes.length);
    }
    keys.set(oldKeys.subarray(head, end));
    times.set(oldTimes.subarray(head, end));
    end -= head;
    head = 0;
  };

  return {
    size: () => end - head,
    oldest: () => (head === end ? -1 : (times[head] ?? -1)),
    add: (key, now) => {
      if (end === keys.length) makeRoom();
      keys[end] = key;
      times[end] = now;
      end++;
    },
    sentAt: (key) => {
      const at = find(key);
      return at < 0 ? -1 : (times[at] ?? -1);
    },
    take: (key) => {
      const at = find(key);
      if (at < 0) return -1;
      const time = times[at] ?? -1;
      keys.copyWithin(head + 1, head, at);
      times.copyWithin(head + 1, head, at);
      head++;
      return time;
    },
    keys: () => [...keys.subarray(head, end)],
    clear: () => {
      head = end;
    },
  };
};
