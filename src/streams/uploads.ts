/**
 * What one peer asks of us: a bounded queue of requests for verified pieces, answered from storage by runs, one read and one write each. While one run
 * is being sent the next is read. Whether the peer may ask at all is the choker's business.
 *
 * Life cycle: made with the conversation; `serve` runs in the conversation's scope until it ends. Memory: two runs at the most, large ones only for a
 * peer that takes them quickly.
 */
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Latch from "effect/Latch";
import type { StorageError } from "../schema/errors/StorageError.ts";
import type { TransportError } from "../schema/errors/TransportError.ts";
import { BLOCK_LENGTH, type BlockSpan } from "../schema/block.ts";
import { PIECE_HEADER_LENGTH, putPieceHeader } from "../schema/wire.ts";
import type { OpenStorage } from "../services/Storage/Storage.ts";
import type { Connection } from "../services/Transport/Transport.ts";
import { type Buffers, makeBuffers } from "./buffers.ts";

/** Bytes of a large run, which is what is read and sent at once: 1 MiB, for each run costs two hand-overs between threads. */
const LARGE = 64 * (PIECE_HEADER_LENGTH + BLOCK_LENGTH);
/** Buffers of that length in use at once, by all peers of a download: 16 MiB. */
const MAX_BUFFERS = 16;
/** Of these, those kept while they are not in use. */
const MAX_KEPT = 4;
/** Bytes of a run in memory of the peer's own. */
const SMALL = 64 * 1024;
/** A peer that takes a run within this time gets large ones, in milliseconds. */
const QUICK = 250;

/** Memory that pieces are read into, which all peers of a download share. A buffer that goes down with its connection is forgotten. */
export type ReadBuffers = Pick<Buffers, "take" | "give" | "forget">;

/** The memory of one download. */
export const makeReadBuffers = (): ReadBuffers => makeBuffers(LARGE, MAX_BUFFERS, MAX_KEPT);

/** The requests of one peer that wait for an answer. */
export interface Uploads {
  /** Queues a request; false when `limit` wait already. */
  readonly add: (block: BlockSpan) => boolean;
  /** Whether the request was still waiting. */
  readonly cancel: (block: BlockSpan) => boolean;
  /** Takes back what waits and is not to be kept: what has to be rejected on choking. */
  readonly clear: (keep: (block: BlockSpan) => boolean) => ReadonlyArray<BlockSpan>;
  /** Answers requests for as long as it runs. */
  readonly serve: Effect.Effect<never, TransportError | StorageError>;
}

/** Where answers come from and go to. */
export interface UploadsOptions {
  readonly connection: Connection;
  readonly buffers: ReadBuffers;
  /** Requests that may wait. */
  readonly limit: number;
  /** Bytes that may be sent at once, one block in any case. */
  readonly most: () => number;
  readonly storage: () => OpenStorage | undefined;
  readonly offsetOf: (block: BlockSpan) => number;
  /** Milliseconds of the monotonic clock. */
  readonly now: () => number;
  /** Told of payload bytes that went out. */
  readonly sent: (bytes: number) => void;
  /** Told of the piece that was read from. */
  readonly read: (index: number) => void;
  /** Told of a block that is no longer where it was. */
  readonly missing: (block: BlockSpan, error: StorageError) => void;
}

/** A run in memory, of the pool or of its own: the blocks' payload behind room for their headers. */
interface Loaded {
  readonly buffer: Uint8Array;
  readonly pooled: boolean;
  readonly run: ReadonlyArray<BlockSpan>;
}

const wireLength = (block: BlockSpan): number => PIECE_HEADER_LENGTH + block.length;

/** Moves each block that is still asked for behind its header, in place; returns the messages. */
const messagesOf = ({ buffer, run }: Loaded, asked: ReadonlySet<BlockSpan>): Uint8Array => {
  let from = run.length * PIECE_HEADER_LENGTH;
  let to = 0;
  for (const block of run) {
    if (asked.has(block)) {
      buffer.copyWithin(to + PIECE_HEADER_LENGTH, from, from + block.length);
      putPieceHeader(buffer, to, block);
      to += wireLength(block);
    }
    from += block.length;
  }
  return buffer.subarray(0, to);
};

const isSame = (a: BlockSpan, b: BlockSpan): boolean =>
  a.index === b.index && a.begin === b.begin && a.length === b.length;

/** An empty queue. */
export const makeUploads = (options: UploadsOptions): Uploads => {
  const { buffers, connection, offsetOf } = options;
  let queue: Array<BlockSpan> = [];
  /** The blocks of the run that is read and not yet being sent: still to be had back. */
  const ahead = new Set<BlockSpan>();
  const waiting = Latch.makeUnsafe(false);
  let quick = false;
  /** Blocks at the head of the queue that are read one by one: one of them is missing. */
  let singly = 0;
  let taken = 0;

  /** Takes the first request and those that follow it directly in the torrent, up to `most` bytes on the wire. */
  const takeRun = (most: number): Array<BlockSpan> => {
    const run: Array<BlockSpan> = [];
    let end = -1;
    let bytes = 0;
    for (const block of queue) {
      const offset = offsetOf(block);
      if (run.length > 0 && (singly > 0 || offset !== end || bytes + wireLength(block) > most)) break;
      run.push(block);
      end = offset + block.length;
      bytes += wireLength(block);
    }
    queue = queue.slice(run.length);
    if (singly > 0) singly--;
    return run;
  };

  const allocate = (length: number): { readonly buffer: Uint8Array; readonly pooled: boolean } => {
    const shared = quick && length <= LARGE ? buffers.take() : undefined;
    if (shared !== undefined) taken++;
    return { buffer: shared ?? new Uint8Array(length), pooled: shared !== undefined };
  };
  const release = ({ buffer, pooled }: Pick<Loaded, "buffer" | "pooled">): void => {
    if (!pooled) return;
    taken--;
    buffers.give(buffer);
  };

  /** Reads a run; nothing when it is not there, after the missing blocks have been told of. */
  const load = Effect.fnUntraced(function* (
    run: ReadonlyArray<BlockSpan>,
    first: BlockSpan,
    storage: OpenStorage,
  ): Effect.fn.Return<Loaded | undefined, StorageError> {
    const length = run.reduce((sum, block) => sum + wireLength(block), 0);
    const room = allocate(length);
    for (const block of run) ahead.add(block);
    const payload = room.buffer.subarray(run.length * PIECE_HEADER_LENGTH, length);
    const gone = yield* storage.read(offsetOf(first), payload).pipe(
      Effect.as(undefined),
      Effect.catchIf((error) => error.reason._tag === "Missing", Effect.succeed),
    );
    if (gone === undefined) {
      options.read(first.index);
      return { ...room, run };
    }
    release(room);
    const still = [...ahead];
    ahead.clear();
    if (run.length === 1) options.missing(first, gone);
    else {
      queue = [...still, ...queue];
      singly = still.length;
    }
    return undefined;
  });

  const send = (loaded: Loaded): Effect.Effect<void, TransportError> =>
    Effect.suspend(() => {
      const began = options.now();
      const messages = messagesOf(loaded, ahead);
      const payload = messages.length - ahead.size * PIECE_HEADER_LENGTH;
      ahead.clear();
      return Effect.map(connection.send([messages]), () => {
        quick = options.now() - began < QUICK;
        release(loaded);
        options.sent(payload);
      });
    });

  const serve = Effect.gen(function* () {
    let sending: Fiber.Fiber<void, TransportError> | undefined;
    while (true) {
      const run = takeRun(Math.min(options.most(), quick ? LARGE : SMALL));
      const first = run[0];
      const storage = options.storage();
      if (first !== undefined && storage !== undefined) {
        const loaded = yield* load(run, first, storage);
        if (sending !== undefined) yield* Fiber.join(sending);
        sending = loaded === undefined ? undefined : yield* Effect.forkChild(send(loaded), { startImmediately: true });
      } else if (sending !== undefined) {
        yield* Fiber.join(sending);
        sending = undefined;
      } else {
        Latch.closeUnsafe(waiting);
        yield* Latch.await(waiting);
        // Wakes within `add`: what came with that request, cancels too, is seen first.
        yield* Effect.yieldNow;
      }
    }
  });

  return {
    add: (block) => {
      if (queue.length >= options.limit) return false;
      queue.push(block);
      Latch.openUnsafe(waiting);
      return true;
    },
    cancel: (block) => {
      for (const other of ahead) if (isSame(other, block)) return ahead.delete(other);
      const at = queue.findIndex((other) => isSame(other, block));
      if (at >= 0) queue.splice(at, 1);
      return at >= 0;
    },
    clear: (keep) => {
      const cleared = [...ahead].filter((block) => !keep(block));
      for (const block of cleared) ahead.delete(block);
      const kept: Array<BlockSpan> = [];
      for (const block of queue) (keep(block) ? kept : cleared).push(block);
      queue = kept;
      return cleared;
    },
    // What is still being sent when it ends belongs to the socket until that is closed.
    serve: Effect.ensuring(
      serve,
      Effect.sync(() => {
        for (; taken > 0; taken--) buffers.forget();
      }),
    ),
  };
};
