/** What was given to be sent and is not in a packet yet: chunks by reference, copied when a packet is made of them. No network. */
import type * as Effect from "effect/Effect";
import type { TransportError } from "../../../schema/errors/TransportError.ts";
import { LOW_WATER_BYTES } from "../limits.ts";

/** Continues whoever waits to send. */
export type Resume = (outcome: Effect.Effect<void, TransportError>) => void;

/** The queue of one connection. */
export interface SendQueue {
  readonly bytes: () => number;
  /** Adds a chunk, not empty; `taken` is continued when all of it is in packets. */
  readonly add: (bytes: Uint8Array, taken?: Resume) => void;
  /** Fills `into` from `at` to its end with what is next; the queue holds that much. */
  readonly fill: (into: Uint8Array, at: number) => void;
  /** Waits until little is left. */
  readonly whenLow: (resume: Resume) => () => void;
  /** Those whose wait is over, taken off the queue. To be continued last of all, because they may send at once. */
  readonly ready: () => ReadonlyArray<Resume>;
  /** Drops everything; gives all who wait. */
  readonly clear: () => ReadonlyArray<Resume>;
}

interface Chunk {
  readonly bytes: Uint8Array;
  readonly taken: Resume | undefined;
}

const NOBODY: ReadonlyArray<Resume> = [];

/** An empty queue. */
export const makeSendQueue = (): SendQueue => {
  let chunks: Array<Chunk> = [];
  let first = 0;
  let sent = 0;
  let bytes = 0;
  let through: Array<Resume> = [];
  const waiting = new Set<Resume>();

  return {
    bytes: () => bytes,
    add: (chunk, taken) => {
      chunks.push({ bytes: chunk, taken });
      bytes += chunk.length;
    },
    fill: (into, start) => {
      let at = start;
      while (at < into.length) {
        const chunk = chunks[first];
        if (chunk === undefined) break;
        const part = chunk.bytes.subarray(sent, sent + into.length - at);
        into.set(part, at);
        at += part.length;
        sent += part.length;
        if (sent < chunk.bytes.length) continue;
        if (chunk.taken !== undefined) through.push(chunk.taken);
        sent = 0;
        first++;
      }
      bytes -= at - start;
      if (first < 64 && first < chunks.length) return;
      chunks = chunks.slice(first);
      first = 0;
    },
    whenLow: (resume) => {
      waiting.add(resume);
      return () => void waiting.delete(resume);
    },
    ready: () => {
      if (waiting.size > 0 && bytes < LOW_WATER_BYTES) {
        through.push(...waiting);
        waiting.clear();
      }
      if (through.length === 0) return NOBODY;
      const ready = through;
      through = [];
      return ready;
    },
    clear: () => {
      for (let at = first; at < chunks.length; at++) {
        const taken = chunks[at]?.taken;
        if (taken !== undefined) through.push(taken);
      }
      through.push(...waiting);
      waiting.clear();
      chunks = [];
      first = 0;
      sent = 0;
      bytes = 0;
      const all = through;
      through = [];
      return all;
    },
  };
};
