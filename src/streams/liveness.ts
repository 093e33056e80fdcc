/**
 * Whether a conversation is still alive, and of use: when each side spoke last (keep-alive, BEP 3), and when either wanted something of the other. It ends
 * nothing itself. Times are milliseconds of the monotonic clock.
 */
import type { PeerReason } from "../schema/errors/PeerError.ts";
import type { PeerSettings } from "../schema/settings.ts";

/** The life signs of one conversation. */
export interface Liveness {
  /** Something came from the peer. */
  readonly heard: (now: number) => void;
  /** Something went to the peer. */
  readonly said: (now: number) => void;
  /** One of the two wants something of the other. */
  readonly ofUse: (now: number) => void;
  /** Why the conversation is to end; none while it is alive and of use. */
  readonly end: (now: number) => PeerReason | undefined;
  /** Whether the peer has to be told that we are still there. */
  readonly isQuiet: (now: number) => boolean;
}

/** The life signs of a conversation that begins at `now`. */
export const makeLiveness = (
  { idleTimeout, uselessTimeout, keepAlive }: Pick<PeerSettings, "idleTimeout" | "uselessTimeout" | "keepAlive">,
  now: number,
): Liveness => {
  let lastHeard = now;
  let lastSaid = now;
  let lastOfUse = now;
  return {
    heard: (now) => {
      lastHeard = now;
    },
    said: (now) => {
      lastSaid = now;
    },
    ofUse: (now) => {
      lastOfUse = now;
    },
    end: (now) => {
      if (now - lastHeard > idleTimeout) return { _tag: "Idle", afterMillis: now - lastHeard };
      return now - lastOfUse > uselessTimeout ? { _tag: "Useless" } : undefined;
    },
    isQuiet: (now) => now - lastSaid > keepAlive,
  };
};
