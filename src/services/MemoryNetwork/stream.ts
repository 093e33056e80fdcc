/**
 * A byte stream between two hosts of the in-memory network, with TCP's manners: a bounded window, reads of any size,
 * an orderly end, a reset when something was left unread. It lends its bytes as a socket does: after the call they are
 * overwritten with `POISON`, so that a decoder that keeps a view is found out.
 *
 * Life cycle: both ends exist once the dialled host has heard of it; each is open until it is closed or loses the other.
 */
import * as Effect from "effect/Effect";
import * as NetAddress from "effect/net/NetAddress";
import { TransportError } from "../../schema/errors/TransportError.ts";
import type { TransportReason } from "../../schema/errors/TransportError.ts";
import { makeInbound } from "../Transport/inbound.ts";
import { HIGH_WATER_BYTES, LOW_WATER_BYTES, READ_BYTES } from "../Transport/limits.ts";
import type { Connection } from "../Transport/Transport.ts";
import type { Path } from "./link.ts";
import type { Timeline } from "./timeline.ts";

/** What lent bytes are overwritten with after the call. */
export const POISON = 0xdb;

/** One end of a stream. */
export interface End {
  readonly connection: Connection;
  /** Closes it: in order, or with a reset when unread bytes are left. */
  readonly close: () => void;
  /** Breaks it off on both sides at once, as a crash or a middlebox does. */
  readonly reset: () => void;
}

/** Where an end sits: its addresses, and the path to the other side. */
interface Seat {
  readonly local: NetAddress.InetAddress;
  readonly remote: NetAddress.InetAddress;
  readonly direction: Connection["direction"];
  readonly path: Path;
}

type Resume = (outcome: Effect.Effect<void, TransportError>) => void;

interface Waiting {
  readonly bytes: Uint8Array;
  readonly taken: Resume | undefined;
}

interface HalfOpen extends End {
  readonly arrive: (bytes: Uint8Array) => void;
  readonly acknowledge: (length: number) => void;
  readonly hangUp: (reason: "end" | "reset") => void;
}

const lent = new Uint8Array(READ_BYTES);

const makeEnd = (timeline: Timeline, seat: Seat, other: () => HalfOpen): HalfOpen => {
  const address = NetAddress.formatInet(seat.remote);
  const errorOf = (reason: TransportReason) => new TransportError({ address, reason });
  const arrived: Array<Uint8Array> = [];
  const waiting: Array<Waiting> = [];
  const drainWaiters = new Set<Resume>();
  let waitingBytes = 0;
  let headSent = 0;
  let underWay = 0;
  let reading = false;
  let ended = false;
  let lost: TransportError | undefined;

  const inbound = makeInbound(address, () => {
    reading = true;
    timeline.at(timeline.now(), deliver);
  });

  const lose = (error: TransportError, seenAs: TransportError | undefined): void => {
    if (lost !== undefined) return;
    lost = error;
    const outcome = Effect.fail(error);
    arrived.length = 0;
    waitingBytes = 0;
    for (const { taken } of waiting.splice(0)) taken?.(outcome);
    for (const resume of drainWaiters) resume(outcome);
    inbound.end(seenAs);
  };

  const isOpen = (): boolean => lost === undefined;
  const deliver = (): void => {
    while (reading && isOpen()) {
      const bytes = arrived.shift();
      if (bytes === undefined) {
        if (ended) lose(errorOf({ _tag: "Closed" }), undefined);
        return;
      }
      seat.path.carry(0, () => other().acknowledge(bytes.length));
      lent.set(bytes);
      reading = inbound.push(lent.subarray(0, bytes.length));
      lent.fill(POISON, 0, bytes.length);
    }
  };

  /** Copies the next bytes to be sent, of as many writes as fit; those that are through are added to `through`. */
  const takeSegment = (length: number, through: Array<Resume>): Uint8Array => {
    const segment = new Uint8Array(length);
    let at = 0;
    while (at < length) {
      const head = waiting[0];
      if (head === undefined) break;
      const part = head.bytes.subarray(headSent, headSent + length - at);
      segment.set(part, at);
      at += part.length;
      headSent += part.length;
      if (headSent === head.bytes.length) {
        waiting.shift();
        headSent = 0;
        if (head.taken !== undefined) through.push(head.taken);
      }
    }
    waitingBytes -= length;
    return segment;
  };
  const room = (): number => Math.min(waitingBytes, seat.path.chunkBytes, seat.path.windowBytes - underWay);
  const transmit = (): void => {
    const through: Array<Resume> = [];
    for (let length = room(); length > 0; length = room()) {
      const segment = takeSegment(length, through);
      underWay += segment.length;
      seat.path.carry(segment.length, () => other().arrive(segment));
    }
    if (waitingBytes < LOW_WATER_BYTES) {
      through.push(...drainWaiters);
      drainWaiters.clear();
    }
    // last, because a resumed sender comes back here at once
    for (const resume of through) resume(Effect.void);
  };
  const enqueue = (bytes: Uint8Array, taken: Waiting["taken"]): void => {
    waiting.push({ bytes, taken });
    waitingBytes += bytes.length;
  };

  const connection: Connection = {
    remote: seat.remote,
    local: seat.local,
    direction: seat.direction,
    kind: "memory",
    read: inbound.read,
    receive: inbound.receive,
    sendUnsafe: (bytes) => {
      if (lost !== undefined) return false;
      if (bytes.length > 0) enqueue(bytes, undefined);
      transmit();
      return waitingBytes < HIGH_WATER_BYTES;
    },
    drained: Effect.callback((resume) => {
      if (lost !== undefined) return resume(Effect.fail(lost));
      if (waitingBytes < LOW_WATER_BYTES) return resume(Effect.void);
      drainWaiters.add(resume);
      return Effect.sync(() => drainWaiters.delete(resume));
    }),
    send: (chunks) =>
      Effect.callback((resume) => {
        if (lost !== undefined) return resume(Effect.fail(lost));
        const filled = chunks.filter((bytes) => bytes.length > 0);
        const last = filled.length - 1;
        if (last < 0) return resume(Effect.void);
        filled.forEach((bytes, index) => enqueue(bytes, index === last ? resume : undefined));
        transmit();
      }),
  };

  return {
    connection,
    close: () => {
      if (lost !== undefined) return;
      const reason = arrived.length > 0 ? "reset" : "end";
      seat.path.carry(0, () => other().hangUp(reason));
      lose(errorOf({ _tag: "Closed" }), errorOf({ _tag: "Closed" }));
    },
    reset: () => {
      other().hangUp("reset");
      lose(errorOf({ _tag: "Reset" }), errorOf({ _tag: "Reset" }));
    },
    arrive: (bytes) => {
      if (lost === undefined) {
        arrived.push(bytes);
        deliver();
      } else seat.path.carry(0, () => other().hangUp("reset"));
    },
    acknowledge: (length) => {
      underWay -= length;
      if (lost === undefined) transmit();
    },
    hangUp: (reason) => {
      if (reason === "reset") lose(errorOf({ _tag: "Reset" }), errorOf({ _tag: "Reset" }));
      else {
        ended = true;
        deliver();
      }
    },
  };
};

/** Opens a stream: the dialler's end and the end of the host that was dialled. */
export const makeStream = (
  timeline: Timeline,
  ends: {
    readonly dialler: NetAddress.InetAddress;
    readonly dialled: NetAddress.InetAddress;
    readonly forth: Path;
    readonly back: Path;
  },
): { readonly dialler: End; readonly dialled: End } => {
  const dialler: HalfOpen = makeEnd(
    timeline,
    { local: ends.dialler, remote: ends.dialled, direction: "outgoing", path: ends.forth },
    () => dialled,
  );
  const dialled: HalfOpen = makeEnd(
    timeline,
    { local: ends.dialled, remote: ends.dialler, direction: "incoming", path: ends.back },
    () => dialler,
  );
  return { dialler, dialled };
};
