/** Answers that are taken whole: bounded in bytes, packed or unpacked. */
import * as Effect from "effect/Effect";
import { systemCode } from "../systemCode.ts";
import type { Receive } from "./client.ts";

/** What `unpacked` takes, said to servers. */
export const ACCEPT = { "accept-encoding": "gzip", accept: "*/*" };

/** More bytes than are taken, packed or unpacked. */
export interface TooLarge {
  readonly _tag: "TooLarge";
  readonly limit: number;
}

/** Bytes that begin as gzip does, and are none. */
export interface BadGzip {
  readonly _tag: "BadGzip";
}

/** An answer as it came. */
export interface Reply {
  readonly status: number;
  readonly body: Uint8Array;
  /** Our address towards who answered. */
  readonly localAddress: string;
}

/** Takes an answer of any status, its body as it came, of at most `limit` bytes. */
export const whole =
  (limit: number): Receive<Reply, TooLarge> =>
  ({ localAddress, status }) => {
    const chunks: Array<Uint8Array> = [];
    let length = 0;
    return {
      onBytes: (bytes) => {
        length += bytes.length;
        chunks.push(bytes);
        return length > limit ? Effect.fail({ _tag: "TooLarge", limit }) : undefined;
      },
      onEnd: () => Effect.sync(() => ({ status, body: Buffer.concat(chunks), localAddress })),
    };
  };

/** Unpacks a body that is gzip, up to `limit` bytes. Its magic bytes tell: servers mislabel it both ways, and nothing bencoded begins with them. */
export const unpacked = (body: Uint8Array, limit: number): Effect.Effect<Uint8Array, TooLarge | BadGzip> =>
  body[0] !== 0x1f || body[1] !== 0x8b
    ? Effect.succeed(body)
    : Effect.callback((resume) =>
        process.getBuiltinModule("node:zlib").gunzip(body, { maxOutputLength: limit }, (cause, bytes) => {
          if (cause === null) return resume(Effect.succeed(bytes));
          const isTooLarge = systemCode(cause) === "ERR_BUFFER_TOO_LARGE";
          resume(Effect.fail(isTooLarge ? { _tag: "TooLarge", limit } : { _tag: "BadGzip" }));
        }),
      );
