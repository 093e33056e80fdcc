/** The sending half of a uTP connection as its users see it: bytes go into the queue, and whoever waits for room or for the end of it is resumed from there. */
import * as Effect from "effect/Effect";
import type { TransportError } from "../../../schema/errors/TransportError.ts";
import { HIGH_WATER_BYTES, LOW_WATER_BYTES } from "../limits.ts";
import type { Connection } from "../Transport.ts";
import type { SendQueue } from "./sendQueue.ts";

/** An outlet over a queue. */
export const makeOutlet = (options: {
  readonly queue: SendQueue;
  /** Why nothing more is taken. */
  readonly lost: () => TransportError | undefined;
  /** There is something to send. */
  readonly filled: () => void;
}): Pick<Connection, "sendUnsafe" | "drained" | "send"> => {
  const { filled, queue } = options;
  return {
    sendUnsafe: (bytes) => {
      if (options.lost() !== undefined) return false;
      if (bytes.length > 0) queue.add(bytes);
      filled();
      return queue.bytes() < HIGH_WATER_BYTES;
    },
    drained: Effect.callback((resume) => {
      const lost = options.lost();
      if (lost !== undefined) return resume(Effect.fail(lost));
      if (queue.bytes() < LOW_WATER_BYTES) return resume(Effect.void);
      return Effect.sync(queue.whenLow(resume));
    }),
    send: (chunks) =>
      Effect.callback((resume) => {
        const lost = options.lost();
        if (lost !== undefined) return resume(Effect.fail(lost));
        const parts = chunks.filter((bytes) => bytes.length > 0);
        const last = parts.length - 1;
        if (last < 0) return resume(Effect.void);
        parts.forEach((bytes, index) => queue.add(bytes, index === last ? resume : undefined));
        filled();
      }),
  };
};
