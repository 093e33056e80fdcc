/** How long and how surely something takes from one host of the in-memory network to another; not what it is. */
import * as Duration from "effect/Duration";
import type { Timeline } from "./timeline.ts";

/** The properties of the way between two hosts, the same in both directions. */
export interface LinkOptions {
  /** From the end of sending to arrival, one way; 0 by default. */
  readonly latency?: Duration.Input | undefined;
  /** Shared by everything that goes the same way; unlimited by default. */
  readonly bytesPerSecond?: number | undefined;
  /** The share of datagrams that get lost, 0 to 1; none by default. Streams lose nothing. */
  readonly loss?: number | undefined;
  /** The most that one read of a stream delivers, in bytes: 65,536 at most and by default. */
  readonly chunkBytes?: number | undefined;
  /** How much of one direction of a stream may be under way or unread, in bytes; 1 MiB by default. */
  readonly windowBytes?: number | undefined;
}

/** One direction of a link. */
export interface Path {
  readonly chunkBytes: number;
  readonly windowBytes: number;
  /** Lets `arrive` happen when `bytes` bytes have come through, in order. While the link is cut it waits. */
  readonly carry: (bytes: number, arrive: () => void) => void;
  /** The same for a datagram: lost by chance, or because the link is cut. */
  readonly carryLossy: (bytes: number, arrive: () => void) => void;
}

/** Both directions between two hosts. */
export interface Link {
  readonly forth: Path;
  readonly back: Path;
  readonly setOptions: (options: LinkOptions) => void;
  /** Nothing comes through until `restore`; what streams carry is held, datagrams are lost. */
  readonly cut: () => void;
  readonly restore: () => void;
}

const CHUNK_BYTES = 65_536;
const WINDOW_BYTES = 1_048_576;

/** Builds a link; `chance` gives numbers from 0 to 1. */
export const makeLink = (timeline: Timeline, chance: () => number, initial: LinkOptions): Link => {
  let options = initial;
  let isCut = false;
  const held: Array<() => void> = [];

  const makePath = (): Path => {
    let freeAt = 0;
    const arrival = (bytes: number): number => {
      freeAt = Math.max(freeAt, timeline.now()) + (bytes * 1000) / (options.bytesPerSecond ?? Infinity);
      return freeAt + Duration.toMillis(Duration.fromInputUnsafe(options.latency ?? 0));
    };
    let lastArrival = 0;
    return {
      get chunkBytes() {
        return Math.min(options.chunkBytes ?? CHUNK_BYTES, CHUNK_BYTES);
      },
      get windowBytes() {
        return options.windowBytes ?? WINDOW_BYTES;
      },
      carry: (bytes, arrive) => {
        // a link that becomes faster overtakes nothing
        lastArrival = Math.max(lastArrival, arrival(bytes));
        timeline.at(lastArrival, () => {
          if (isCut) held.push(arrive);
          else arrive();
        });
      },
      carryLossy: (bytes, arrive) => {
        const due = arrival(bytes);
        if (isCut || chance() < (options.loss ?? 0)) return;
        timeline.at(due, () => {
          if (!isCut) arrive();
        });
      },
    };
  };

  return {
    forth: makePath(),
    back: makePath(),
    setOptions: (changed) => {
      options = changed;
    },
    cut: () => {
      isCut = true;
    },
    restore: () => {
      isCut = false;
      for (const arrive of held.splice(0)) arrive();
    },
  };
};
