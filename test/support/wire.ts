/** Feeding a wire decoder in tests: what comes out of it, and what it asked its sink for. */
import type { WireViolation } from "../../src/schema/errors/PeerError.ts";
import type { BlockSpan } from "../../src/schema/block.ts";
import { makeDecoder } from "../../src/schema/wireDecoder.ts";
import type { Message } from "../../src/schema/message.ts";
import { assert } from "@effect/vitest";

/** Bytes of a bitfield that the decoders here take. */
export const MAX_BITFIELD = 64;
/** Bytes of an extended message that the decoders here take. */
export const MAX_EXTENDED = 256;

/** A block as the sink saw it: `payload` is absent when it was not wanted. */
export interface Seen extends BlockSpan {
  readonly payload: Uint8Array | undefined;
  readonly ended: boolean;
}

/** What decoding gave, with all that the sink was asked for. */
export interface Outcome {
  readonly messages: ReadonlyArray<Message>;
  readonly blocks: ReadonlyArray<Seen>;
  readonly violation: WireViolation | undefined;
}

/** Feeds copies of `chunks`, overwritten after each call as a socket's buffer is. Blocks of odd pieces are not wanted. */
export const decodeAll = (chunks: Iterable<Uint8Array>): Outcome => {
  const messages: Array<Message> = [];
  const blocks: Array<{
    index: number;
    begin: number;
    length: number;
    payload: Uint8Array | undefined;
    ended: boolean;
  }> = [];
  const decoder = makeDecoder({
    blocks: {
      begin: (index, begin, length) => {
        const payload = index % 2 === 1 ? undefined : new Uint8Array(length);
        blocks.push({ index, begin, length, payload, ended: false });
        return payload;
      },
      end: (index, begin, length) => {
        const last = blocks.at(-1);
        assert.isDefined(last);
        assert.deepStrictEqual([last.index, last.begin, last.length], [index, begin, length]);
        last.ended = true;
        return begin !== 0;
      },
    },
    maxBitfield: MAX_BITFIELD,
    maxExtended: MAX_EXTENDED,
  });
  let violation: WireViolation | undefined;
  for (const chunk of chunks) {
    const reused = Uint8Array.from(chunk);
    violation = decoder(reused, messages);
    reused.fill(0xee);
    if (violation !== undefined) break;
  }
  return { messages, blocks, violation };
};

/** All of `parts` in one. */
export const concat = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
};

/** Cuts `bytes` into chunks whose lengths go round `lengths`. */
export function* cut(bytes: Uint8Array, lengths: ReadonlyArray<number>): Iterable<Uint8Array> {
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const length = lengths[i % lengths.length] ?? bytes.length;
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

/** Any message, of a known kind or not. */
export const frame = (id: number, payload: ReadonlyArray<number> | Uint8Array): Uint8Array => {
  const length = payload.length + 1;
  return Uint8Array.of(length >>> 24, length >>> 16, length >>> 8, length, id, ...payload);
};
