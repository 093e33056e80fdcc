/** The numbers of uTP in one place, each with its source. Times are microseconds. */

/** What one connection may hold of received data that nobody has read, in bytes; libutp's default. */
export const RECEIVE_BUFFER_BYTES = 1_048_576;
/** What a packet that is held costs besides its payload, so that many small ones cannot take more memory than few large ones. */
export const HELD_OVERHEAD_BYTES = 256;
/** The furthest that a packet may be ahead of the one that is missing; those beyond are dropped. */
export const MAX_REORDER = 1_024;
/** Packets under way in one connection at the most. */
export const MAX_FLIGHT = 4_096;
/** An acknowledgement waits at the most this long for a second packet or for data to go with (libutp: 100 ms; less costs a little traffic and gains round trips). */
export const ACK_DELAY = 25_000;
/** A connection that was silent for this long says something, so that NATs on the way do not forget it (libutp). */
export const KEEP_ALIVE = 29_000_000;
/** Between probes of a window that is shut. */
export const WINDOW_PROBE = 1_000_000;
/** Time-outs in a row, with nothing heard in between, after which the other side is given up (other clients: 3 to 7). */
export const MAX_TIMEOUTS = 6;
/** How long a closed connection goes on until what it sent has arrived. */
export const LINGER = 10_000_000;
/** Dials that were heard but not yet confirmed: how many are remembered, and for how long. */
export const MAX_HALF_OPEN = 256;
export const HALF_OPEN_LIFE = 10_000_000;
/** Connections that others opened, those that are closing included; who comes later is refused. */
export const MAX_INCOMING = 1_024;
/** Packets sent later than one that is missing, and acknowledged, after which it counts as lost (BEP 29). */
export const LOSS_THRESHOLD = 3;
