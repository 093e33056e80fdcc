/**
 * The messages of the peer wire protocol as bytes (BEP 3, 6, 10, 52): how each looks, both ways. Bytes as they come in from a socket are taken apart in
 * wireDecoder.ts, the payloads about hashes stand in hashMessages.ts, the handshake before all messages in handshake.ts.
 */
import type { BlockSpan } from "./block.ts";
import { HASH_IDS, hashPayloadLength, putHashPayload } from "./hashMessages.ts";
import type { EncodableMessage, Message } from "./message.ts";

/** Message ids (BEP 3, 5, 6, 10). */
export const ID = {
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
} as const;

/** A kind of message that has one exact length. */
export interface FixedKind {
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

/** The kinds of one exact length, by id, as they are read; messages without a payload are made once. */
export const FIXED: Readonly<Record<number, FixedKind>> = {
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
export const PREFIX_LENGTH = 5;
/** All of a `piece` message before its payload, in bytes. */
export const PIECE_HEADER_LENGTH = 13;
/** A whole `request`, `cancel` or `reject`, the longest of the kinds of one exact length, in bytes. */
export const LONGEST_FIXED = 17;

/** The 32-bit number at `at`, zeros where bytes are missing. */
export const u32 = (from: Uint8Array, at: number): number =>
  (((from[at] ?? 0) << 24) | ((from[at + 1] ?? 0) << 16) | ((from[at + 2] ?? 0) << 8) | (from[at + 3] ?? 0)) >>> 0;

const putU32 = (to: Uint8Array, at: number, value: number): void => {
  to[at] = value >>> 24;
  to[at + 1] = value >>> 16;
  to[at + 2] = value >>> 8;
  to[at + 3] = value;
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
    case "Hashes":
    case "HashReject": {
      const bytes = frame(HASH_IDS[message._tag], hashPayloadLength(message));
      putHashPayload(bytes, PREFIX_LENGTH, message);
      return bytes;
    }
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
  const bytes = new Uint8Array(LONGEST_FIXED * blocks.length);
  let at = 0;
  for (const block of blocks) {
    putU32(bytes, at, 13);
    bytes[at + 4] = ID.Request;
    putBlock(bytes, at + PREFIX_LENGTH, block);
    at += LONGEST_FIXED;
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
