/** How much the DHT takes from one sender, and gives in all: who floods is ignored for a while, and answers stay under a rate. */
import type * as NetAddress from "effect/net/NetAddress";
import type { DhtSettings } from "../../schema/settings.ts";
import { placeOf } from "./place.ts";

/** Senders told apart within one window; beyond that the unknown ones are refused until it ends. */
const MAX_SOURCES = 10_000;
/** Senders that are ignored at once; beyond that the first ones are heard again. */
const MAX_BANNED = 1_000;
/** Answers may be this many seconds' worth ahead of their rate. */
const BURST_SECONDS = 5;

/** Admits packets and answers. Times are milliseconds of the monotonic clock. */
export interface Throttle {
  /** Whether a packet of this sender is looked at. */
  readonly admits: (from: NetAddress.InetAddress, now: number) => boolean;
  /** Whether an answer of so many bytes may be sent. */
  readonly sends: (bytes: number, now: number) => boolean;
}

/** A throttle that has seen nothing. */
export const makeThrottle = (
  settings: Pick<DhtSettings, "sourceLimit" | "sourceWindow" | "sourceBan" | "answerRate">,
): Throttle => {
  const counts = new Map<string, number>();
  const banned = new Map<string, number>();
  const burst = settings.answerRate * BURST_SECONDS;
  let windowEnds = -Infinity;
  let allowance = burst;
  let filledAt = 0;

  return {
    admits: (from, now) => {
      const place = placeOf(from);
      const until = banned.get(place);
      if (until !== undefined) {
        if (now < until) return false;
        banned.delete(place);
      }
      if (now >= windowEnds) {
        counts.clear();
        windowEnds = now + settings.sourceWindow;
      }
      const count = (counts.get(place) ?? 0) + 1;
      if (count === 1 && counts.size >= MAX_SOURCES) return false;
      counts.set(place, count);
      if (count <= settings.sourceLimit) return true;
      const [first] = banned.keys();
      if (banned.size >= MAX_BANNED && first !== undefined) banned.delete(first);
      banned.set(place, now + settings.sourceBan);
      return false;
    },
    sends: (bytes, now) => {
      allowance = Math.min(burst, allowance + ((now - filledAt) * settings.answerRate) / 1000);
      filledAt = now;
      if (bytes > allowance) return false;
      allowance -= bytes;
      return true;
    },
  };
};
