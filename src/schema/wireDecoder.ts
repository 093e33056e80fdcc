/**
 * Takes the messages of one connection out of its bytes, in whatever parts they come. How each looks is in wire.ts. No socket, no state of a
 * conversation: whether a message is allowed now is decided in `streams/`.
 *
 * Ownership: the decoder copies what it hands out, but for the payload of `piece`, which it copies straight to where its `BlockSink` says.
 */
import type { WireViolation } from "./errors/PeerError.ts";
import { MAX_PIECE_PAYLOAD } from "./block.ts";
import { HASH_KINDS, readHashMessage } from "./hashMessages.ts";
import { RANGE_LENGTH } from "./hashRange.ts";
import type { Message } from "./message.ts";
import { FIXED, ID, LONGEST_FIXED, PIECE_HEADER_LENGTH, PREFIX_LENGTH, u32 } from "./wire.ts";

/** Where the payload of `piece` messages goes; called synchronously from the decoder, must not throw. */
export interface BlockSink {
  /** A block begins: the memory (exactly `length` bytes) that its payload is to be copied to, or nothing to drop it. */
  readonly begin: (index: number, begin: number, length: number) => Uint8Array | undefined;
  /** The block that `begin` gave memory for is complete. Whether it was of use. */
  readonly end: (index: number, begin: number, length: number) => boolean;
}

/** Bounds of a decoder. */
export interface DecoderOptions {
  readonly blocks: BlockSink;
  /** Largest bitfield to accept, in bytes. */
  readonly maxBitfield: number;
  /** Largest payload of an extended message to accept, in bytes. */
  readonly maxExtended: number;
}

/** `bytes` are valid during the call only; what is returned ends the conversation. Fits `Transport.Decode`. */
export type Decoder = (bytes: Uint8Array, out: Array<Message>) => WireViolation | undefined;

const KEEP_ALIVE: Message = { _tag: "KeepAlive" };

/** Instead of a number of bytes used: the stream broke the protocol. */
const REFUSED = -1;

/**
 * Makes the decoder of one connection, to be fed from the first byte after the handshake. Lengths are checked by kind as soon as the id is
 * there and before memory is taken; messages of unknown kinds are skipped. After a violation it takes nothing more and gives the same one again.
 *
 * State: at most 17 bytes of an unfinished head, or how much of the current payload is still to come and where it goes.
 */
export const makeDecoder = ({ blocks, maxBitfield, maxExtended }: DecoderOptions): Decoder => {
  const maxFrame = Math.max(1 + maxBitfield, 2 + maxExtended, 9 + MAX_PIECE_PAYLOAD);
  const head = new Uint8Array(LONGEST_FIXED);
  let held = 0;
  let violation: WireViolation | undefined;
  // The payload under way: of which message, its length, what is still to come of it, and where it goes (nowhere when dropped).
  let id = 0;
  let length = 0;
  let left = 0;
  let target: Uint8Array | undefined;
  // `index` and `begin` are a piece's, `extension` an extended message's.
  let index = 0;
  let begin = 0;
  let extension = 0;

  const refuse = (why: WireViolation): typeof REFUSED => {
    violation = why;
    return REFUSED;
  };

  /** The payload is complete; false when it breaks the protocol. */
  const finish = (out: Array<Message>): boolean => {
    const bytes = target;
    target = undefined;
    if (id === ID.Piece) {
      const wanted = bytes !== undefined && blocks.end(index, begin, length);
      out.push({ _tag: "Piece", index, begin, length, wanted });
    } else if (bytes === undefined) return true;
    else if (id === ID.Bitfield) out.push({ _tag: "Bitfield", bits: bytes });
    else if (id === ID.Extended) out.push({ _tag: "Extended", id: extension, payload: bytes });
    else {
      const kind = HASH_KINDS[id];
      const message = kind === undefined ? undefined : readHashMessage(kind, bytes);
      if (message === undefined) {
        refuse({ _tag: "BadLength", message: "hashes", length: 1 + length });
        return false;
      }
      out.push(message);
    }
    return true;
  };

  const expect = (payload: number, to: Uint8Array | undefined, out: Array<Message>): void => {
    length = payload;
    left = payload;
    target = to;
    if (payload === 0) finish(out);
  };

  /** Parses what stands at `at`: the number of bytes used, 0 when `available` are too few, or `REFUSED`. */
  const parse = (from: Uint8Array, at: number, available: number, out: Array<Message>): number => {
    if (available < 4) return 0;
    const frame = u32(from, at);
    if (frame === 0) {
      out.push(KEEP_ALIVE);
      return 4;
    }
    if (available < PREFIX_LENGTH) return 0;
    id = from[at + 4] ?? 0;
    if (id === ID.Piece) {
      if (frame <= 9 || frame > 9 + MAX_PIECE_PAYLOAD)
        return refuse({ _tag: "BadLength", message: "piece", length: frame });
      if (available < PIECE_HEADER_LENGTH) return 0;
      index = u32(from, at + 5);
      begin = u32(from, at + 9);
      expect(frame - 9, blocks.begin(index, begin, frame - 9), out);
      return PIECE_HEADER_LENGTH;
    }
    const fixed = FIXED[id];
    if (fixed !== undefined) {
      if (frame !== fixed.length) return refuse({ _tag: "BadLength", message: fixed.name, length: frame });
      if (available < 4 + frame) return 0;
      out.push(fixed.read(from, at + PREFIX_LENGTH));
      return 4 + frame;
    }
    const hashes = HASH_KINDS[id];
    if (hashes !== undefined) {
      if (frame <= RANGE_LENGTH || frame > 1 + hashes.most)
        return refuse({ _tag: "BadLength", message: hashes.name, length: frame });
      expect(frame - 1, new Uint8Array(frame - 1), out);
      return PREFIX_LENGTH;
    }
    const limit = id === ID.Bitfield ? 1 + maxBitfield : id === ID.Extended ? 2 + maxExtended : maxFrame;
    if (frame > limit) return refuse({ _tag: "FrameTooLong", length: frame, limit });
    if (id !== ID.Extended) {
      expect(frame - 1, id === ID.Bitfield ? new Uint8Array(frame - 1) : undefined, out);
      return PREFIX_LENGTH;
    }
    if (frame === 1) return refuse({ _tag: "BadLength", message: "extended", length: frame });
    if (available < PREFIX_LENGTH + 1) return 0;
    extension = from[at + PREFIX_LENGTH] ?? 0;
    expect(frame - 2, new Uint8Array(frame - 2), out);
    return PREFIX_LENGTH + 1;
  };

  return (bytes, out) => {
    const end = bytes.length;
    let at = 0;
    if (violation !== undefined) return violation;
    while (at < end) {
      if (left > 0) {
        const part = Math.min(left, end - at);
        if (target !== undefined) target.set(bytes.subarray(at, at + part), length - left);
        at += part;
        left -= part;
        if (left === 0 && !finish(out)) break;
      } else if (held === 0) {
        const used = parse(bytes, at, end - at, out);
        if (used === REFUSED) break;
        if (used === 0) {
          head.set(bytes.subarray(at, end));
          held = end - at;
          break;
        }
        at += used;
      } else {
        const more = Math.min(LONGEST_FIXED - held, end - at);
        head.set(bytes.subarray(at, at + more), held);
        const used = parse(head, 0, held + more, out);
        if (used === REFUSED) break;
        if (used === 0) {
          held += more;
          break;
        }
        at += used - held;
        held = 0;
      }
    }
    return violation;
  };
};
