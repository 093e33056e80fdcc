/**
 * What one peer asks of us: a bounded queue of requests for verified pieces, answered from storage by runs, one read and one write each. Whether the
 * peer may ask at all is the choker's business.
 *
 * Life cycle: made with the conversation; `serve` runs in the conversation's scope until it ends.
 */
import * as Effect from "effect/Effect";
import * as Latch from "effect/Latch";
import type { StorageError } from "../schema/errors/StorageError.ts";
import type { TransportError } from "../schema/errors/TransportError.ts";
import { type BlockSpan, MAX_PIECE_PAYLOAD, pieceHeader } from "../schema/wire.ts";
import type { OpenStorage } from "../services/Storage/Storage.ts";
import type { Connection } from "../services/Transport/Transport.ts";

/** Bytes read and sent at once. */
const RUN_LENGTH = 256 * 1024;

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

/** An empty queue. `sent` is told of payload bytes that went out. */
export const makeUploads = (options: {
  readonly connection: Connection;
  readonly limit: number;
  readonly storage: () => OpenStorage | undefined;
  readonly offsetOf: (block: BlockSpan) => number;
  readonly sent: (bytes: number) => void;
}): Uploads => {
  let queue: Array<BlockSpan> = [];
  const waiting = Latch.makeUnsafe(false);
  let buffer: Uint8Array | undefined;

  /** Takes the first request and those that follow it directly in the torrent. */
  const takeRun = (): Array<BlockSpan> => {
    const run: Array<BlockSpan> = [];
    let end = -1;
    let bytes = 0;
    for (const block of queue) {
      const offset = options.offsetOf(block);
      if (run.length > 0 && (offset !== end || bytes + block.length > RUN_LENGTH)) break;
      run.push(block);
      end = offset + block.length;
      bytes += block.length;
    }
    queue = queue.slice(run.length);
    return run;
  };

  const serveRun = Effect.fnUntraced(function* () {
    const storage = options.storage();
    const run = takeRun();
    const first = run[0];
    if (first === undefined || storage === undefined) {
      Latch.closeUnsafe(waiting);
      buffer = undefined;
      return;
    }
    const length = run.reduce((sum, block) => sum + block.length, 0);
    buffer ??= new Uint8Array(Math.max(RUN_LENGTH, MAX_PIECE_PAYLOAD));
    const payload = buffer.subarray(0, length);
    yield* storage.read(options.offsetOf(first), payload);
    const chunks: Array<Uint8Array> = [];
    let at = 0;
    for (const block of run) {
      chunks.push(pieceHeader(block.index, block.begin, block.length), payload.subarray(at, at + block.length));
      at += block.length;
    }
    yield* options.connection.send(chunks);
    options.sent(length);
  });

  return {
    add: (block) => {
      if (queue.length >= options.limit) return false;
      queue.push(block);
      Latch.openUnsafe(waiting);
      return true;
    },
    cancel: (block) => {
      const at = queue.findIndex(
        (other) => other.index === block.index && other.begin === block.begin && other.length === block.length,
      );
      if (at < 0) return false;
      queue.splice(at, 1);
      return true;
    },
    clear: (keep) => {
      const [kept, cleared]: [Array<BlockSpan>, Array<BlockSpan>] = [[], []];
      for (const block of queue) (keep(block) ? kept : cleared).push(block);
      queue = kept;
      return cleared;
    },
    serve: Effect.forever(Effect.andThen(Latch.await(waiting), Effect.suspend(serveRun))),
  };
};
