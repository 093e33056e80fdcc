/**
 * The messages of the peer wire protocol as bytes (BEP 3, 6, 10, 52), and an incremental decoder; the handshake before them is in handshake.ts.
 * No socket, no state of a conversation: whether a message is allowed now is decided in `streams/`.
 *
 * Ownership: the decoder copies what it hands out, but for the payload of `piece`, which it copies straight to where its
 * `BlockSink` says. Both directions stand in this one file, longer than others, so that each layout is read in one place.
 */
import type { WireViolation } from "./errors/PeerError.ts";
import { type HashRange, isAnswered, MAX_HASHES, putRange, RANGE_LENGTH, readRange } from "./hashRange.ts";

/** What can be asked for at once, in bytes (BEP 3). */
export const BLOCK_LENGTH = 16384;

/** The longest payload of `piece` that is taken, in bytes: the most that clients ever asked for in one go, though BEP 3 knows 16 KiB only. */
export const MAX_PIECE_PAYLOAD = 128 * 1024;

/** A message between peers. `Piece` is without its payload, which went to the `BlockSink`. */
export type Message =
  | { readonly _tag: "KeepAlive" }
  | { readonly _tag: "Choke" }
  | { readonly _tag: "Unchoke" }
  | { readonly _tag: "Interested" }
  | { readonly _tag: "NotInterested" }
  | { readonly _tag: "Have"; readonly index: number }
  | { readonly _tag: "Bitfield"; readonly bits: Uint8Array }
  | { readonly _tag: "Request"; readonly index: number; readonly begin: number; readonly length: number }
  /** `wanted` is what `BlockSink.end` said, false when `begin` did not want it. */
  | {
      readonly _tag: "Piece";
      readonly index: number;
      readonly begin: number;
      readonly length: number;
      readonly wanted: boolean;
    }
  | { readonly _tag: "Cancel"; readonly index: number; readonly begin: number; readonly length: number }
  | { readonly _tag: "Port"; readonly port: number }
  | { readonly _tag: "Suggest"; readonly index: number }
  | { readonly _tag: "HaveAll" }
  | { readonly _tag: "HaveNone" }
  | { readonly _tag: "Reject"; readonly index: number; readonly begin: number; readonly length: number }
  | { readonly _tag: "AllowedFast"; readonly index: number }
  /** BEP 10: `id` 0 is the extension handshake. */
  | { readonly _tag: "Extended"; readonly id: number; readonly payload: Uint8Array }
  /** BEP 52. What a request or a reject names may be no range that any file has. */
  | { readonly _tag: "HashRequest"; readonly range: HashRange }
  /** The nodes of the range in order, then those that prove them, the lowest first; as many as the range asks for. */
  | { readonly _tag: "Hashes"; readonly range: HashRange; readonly hashes: Uint8Array }
  | { readonly _tag: "HashReject"; readonly range: HashRange };

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

/** A block on the wire: what `request`, `cancel`, `reject` and `piece` speak of. `begin` and `length` in bytes. */
export interface BlockSpan {
  readonly index: number;
  readonly begin: number;
  readonly length: number;
}

/** What `encode` takes: a `piece` is sent as `pieceHeader` and its payload. */
export type EncodableMessage = Exclude<Message, { readonly _tag: "Piece" }>;

/** Message ids (BEP 3, 5, 6, 10, 52). */
const ID = {
  Choke: 0,
  Unchoke: 1,
  Interested: 2,
  NotInterested: 3,
  Have: 4,
  Bitfield: 5,
  Request: 6,
  Piece: 7,
  Cancel: 8,
  Port: 9,
  Suggest: 13,
  HaveAll: 14,
  HaveNone: 15,
  Reject: 16,
  AllowedFast: 17,
  Extended: 20,
  HashRequest: 21,
  Hashes: 22,
  HashReject: 23,
} as const;

/** The kinds about hashes, for people. */
const HASH_KINDS: Readonly<Record<number, string>> = {
  [ID.HashRequest]: "hash request",
  [ID.Hashes]: "hashes",
  [ID.HashReject]: "hash reject",
};

const KEEP_ALIVE: Message = { _tag: "KeepAlive" };

interface FixedKind {
  /** For people. */
  readonly name: string;
  /** On the wire after the prefix, in bytes: the id included. */
  readonly length: number;
  /** Reads the message whose payload begins at `at`. */
  readonly read: (from: Uint8Array, at: number) => Message;
}

const bare = (name: string, message: Message): FixedKind => ({ name, length: 1, read: () => message });

const ofIndex = (name: string, _tag: "Have" | "Suggest" | "AllowedFast"): FixedKind => ({
  name,
  length: 5,
  read: (from, at) => ({ _tag, index: u32(from, at) }),
});

const ofBlock = (name: string, _tag: "Request" | "Cancel" | "Reject"): FixedKind => ({
  name,
  length: 13,
  read: (from, at) => ({ _tag, index: u32(from, at), begin: u32(from, at + 4), length: u32(from, at + 8) }),
});

/** The kinds of one exact length, by id; messages without a payload are made once. */
const FIXED: Readonly<Record<number, FixedKind>> = {
  [ID.Choke]: bare("choke", { _tag: "Choke" }),
  [ID.Unchoke]: bare("unchoke", { _tag: "Unchoke" }),
  [ID.Interested]: bare("interested", { _tag: "Interested" }),
  [ID.NotInterested]: bare("not interested", { _tag: "NotInterested" }),
  [ID.Have]: ofIndex("have", "Have"),
  [ID.Request]: ofBlock("request", "Request"),
  [ID.Cancel]: ofBlock("cancel", "Cancel"),
  [ID.Port]: {
    name: "port",
    length: 3,
    read: (from, at) => ({ _tag: "Port", port: ((from[at] ?? 0) << 8) | (from[at + 1] ?? 0) }),
  },
  [ID.Suggest]: ofIndex("suggest", "Suggest"),
  [ID.HaveAll]: bare("have all", { _tag: "HaveAll" }),
  [ID.HaveNone]: bare("have none", { _tag: "HaveNone" }),
  [ID.Reject]: ofBlock("reject", "Reject"),
  [ID.AllowedFast]: ofIndex("allowed fast", "AllowedFast"),
};

/** Length prefix and id. */
const PREFIX_LENGTH = 5;
/** All of a `piece` message before its payload, in bytes. */
export const PIECE_HEADER_LENGTH = 13;
/** A whole `request`: the longest run of bytes that is parsed at once. */
const HEAD_LENGTH = 17;
/** Instead of a number of bytes used: the stream broke the protocol. */
const REFUSED = -1;

const u32 = (from: Uint8Array, at: number): number =>
  (((from[at] ?? 0) << 24) | ((from[at + 1] ?? 0) << 16) | ((from[at + 2] ?? 0) << 8) | (from[at + 3] ?? 0)) >>> 0;

const putU32 = (to: Uint8Array, at: number, value: number): void => {
  to[at] = value >>> 24;
  to[at + 1] = value >>> 16;
  to[at + 2] = value >>> 8;
  to[at + 3] = value;
};

/**
 * Makes the decoder of one connection, to be fed from the first byte after the handshake. Lengths are checked by kind as soon as the id is
 * there and before memory is taken; messages of unknown kinds are skipped. After a violation it takes nothing more and gives the same one again.
 *
 * State: at most 17 bytes of an unfinished head, or how much of the current payload is still to come and where it goes.
 */
export const makeDecoder = ({ blocks, maxBitfield, maxExtended }: DecoderOptions): Decoder => {
  const maxFrame = Math.max(1 + maxBitfield, 2 + maxExtended, 9 + MAX_PIECE_PAYLOAD);
  const head = new Uint8Array(HEAD_LENGTH);
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
    else if (id !== ID.Hashes)
      out.push({ _tag: id === ID.HashRequest ? "HashRequest" : "HashReject", range: readRange(bytes) });
    else {
      const range = readRange(bytes);
      const hashes = bytes.subarray(RANGE_LENGTH);
      if (!isAnswered(range, hashes.length)) {
        refuse({ _tag: "BadLength", message: "hashes", length: 1 + length });
        return false;
      }
      out.push({ _tag: "Hashes", range, hashes });
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
      const most = id === ID.Hashes ? MAX_HASHES : RANGE_LENGTH;
      if (frame <= RANGE_LENGTH || frame > 1 + most)
        return refuse({ _tag: "BadLength", message: hashes, length: frame });
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
        const more = Math.min(HEAD_LENGTH - held, end - at);
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

const frame = (id: number, payload: number): Uint8Array => {
  const bytes = new Uint8Array(PREFIX_LENGTH + payload);
  putU32(bytes, 0, 1 + payload);
  bytes[4] = id;
  return bytes;
};

const indexFrame = (id: number, index: number): Uint8Array => {
  const bytes = frame(id, 4);
  putU32(bytes, 5, index);
  return bytes;
};

const putBlock = (to: Uint8Array, at: number, block: BlockSpan): void => {
  putU32(to, at, block.index);
  putU32(to, at + 4, block.begin);
  putU32(to, at + 8, block.length);
};

const blockFrame = (id: number, block: BlockSpan): Uint8Array => {
  const bytes = frame(id, 12);
  putBlock(bytes, 5, block);
  return bytes;
};

const bytesFrame = (id: number, payload: Uint8Array): Uint8Array => {
  const bytes = frame(id, payload.length);
  bytes.set(payload, 5);
  return bytes;
};

const rangeFrame = (id: number, range: HashRange, hashes?: Uint8Array): Uint8Array => {
  const bytes = frame(id, RANGE_LENGTH + (hashes?.length ?? 0));
  putRange(bytes, PREFIX_LENGTH, range);
  if (hashes !== undefined) bytes.set(hashes, PREFIX_LENGTH + RANGE_LENGTH);
  return bytes;
};

/** One message as bytes of the caller's own. Numbers are taken modulo their field's width. */
export const encode = (message: EncodableMessage): Uint8Array => {
  switch (message._tag) {
    case "KeepAlive":
      return new Uint8Array(4);
    case "Have":
    case "Suggest":
    case "AllowedFast":
      return indexFrame(ID[message._tag], message.index);
    case "Request":
    case "Cancel":
    case "Reject":
      return blockFrame(ID[message._tag], message);
    case "Bitfield":
      return bytesFrame(ID.Bitfield, message.bits);
    case "Port":
      return bytesFrame(ID.Port, Uint8Array.of(message.port >>> 8, message.port));
    case "Extended": {
      const bytes = frame(ID.Extended, 1 + message.payload.length);
      bytes[5] = message.id;
      bytes.set(message.payload, 6);
      return bytes;
    }
    case "HashRequest":
    case "HashReject":
      return rangeFrame(ID[message._tag], message.range);
    case "Hashes":
      return rangeFrame(ID.Hashes, message.range, message.hashes);
    case "Choke":
    case "Unchoke":
    case "Interested":
    case "NotInterested":
    case "HaveAll":
    case "HaveNone":
      return frame(ID[message._tag], 0);
  }
};

/** A `have` as bytes. */
export const encodeHave = (index: number): Uint8Array => indexFrame(ID.Have, index);

/** Many `request` messages as one run of bytes, for one write. */
export const encodeRequests = (blocks: ReadonlyArray<BlockSpan>): Uint8Array => {
  const bytes = new Uint8Array(HEAD_LENGTH * blocks.length);
  let at = 0;
  for (const block of blocks) {
    putU32(bytes, at, 13);
    bytes[at + 4] = ID.Request;
    putBlock(bytes, at + PREFIX_LENGTH, block);
    at += HEAD_LENGTH;
  }
  return bytes;
};

/** Writes the head of a `piece` message, of `PIECE_HEADER_LENGTH` bytes, to `at`; its payload of `length` bytes follows it on the wire. */
export const putPieceHeader = (to: Uint8Array, at: number, { index, begin, length }: BlockSpan): void => {
  putU32(to, at, 9 + length);
  to[at + 4] = ID.Piece;
  putU32(to, at + 5, index);
  putU32(to, at + 9, begin);
};

/** The 13 bytes of a `piece` before its `length` bytes of payload. */
export const pieceHeader = (index: number, begin: number, length: number): Uint8Array => {
  const bytes = new Uint8Array(PIECE_HEADER_LENGTH);
  putPieceHeader(bytes, 0, { index, begin, length });
  return bytes;
};
