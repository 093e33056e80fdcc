/** The bounds that every transport keeps: what one connection and one listener may hold in memory. */

/** The most that `Connection.read` takes at once, in bytes. */
export const READ_BYTES = 65_536;

/** With more messages than this waiting to be pulled, nothing more is read from the socket. */
export const MAX_WAITING_MESSAGES = 256;

/** From this much waiting to be sent, in bytes, `sendUnsafe` says to hold back. */
export const HIGH_WATER_BYTES = 262_144;

/** Below this much waiting to be sent, in bytes, a sender may go on. */
export const LOW_WATER_BYTES = 65_536;

/** Arrivals that wait to be taken from a listener; what comes while so many wait is closed. */
export const MAX_WAITING_ARRIVALS = 128;
