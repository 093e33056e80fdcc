/**
 * The packets of uTP (BEP 29): a header of 20 bytes, extensions, payload. Pure; which connection a packet belongs to and what it does
 * there is not known here. Packets are read into one reused object, because a busy connection sees tens of thousands a second.
 */

/** Bytes of a header without extensions. */
export const UTP_HEADER_LENGTH = 20;

/** What a packet is for. */
export const UtpType = { Data: 0, Fin: 1, State: 2, Reset: 3, Syn: 4 } as const;
export type UtpType = (typeof UtpType)[keyof typeof UtpType];

const VERSION = 1;
const SELECTIVE_ACK = 1;
/** Bytes of a selective ack at the most: one bit for each packet that a connection may hold out of order (BEP 29: a multiple of 4). */
const MAX_MASK_LENGTH = 128;

/** The fields of a header. Times are microseconds modulo 2^32, `window` is bytes, `seq` and `ack` count packets modulo 2^16. */
export interface UtpHeader {
  readonly type: UtpType;
  readonly connectionId: number;
  readonly timestamp: number;
  /** How long the last packet of the other side seemed to be under way, by two clocks that differ. */
  readonly timestampDifference: number;
  readonly window: number;
  readonly seq: number;
  readonly ack: number;
}

/** A packet as it was read: the header, and where the rest is in the bytes it was read from. Reused for each packet. */
export interface UtpPacket {
  type: UtpType;
  connectionId: number;
  timestamp: number;
  timestampDifference: number;
  window: number;
  seq: number;
  ack: number;
  /** Offset and length of the selective ack; length 0 where there is none. */
  maskAt: number;
  maskLength: number;
  /** Where the payload begins. */
  payloadAt: number;
}

/** A packet to read into. */
export const makeUtpPacket = (): UtpPacket => ({
  type: UtpType.State,
  connectionId: 0,
  timestamp: 0,
  timestampDifference: 0,
  window: 0,
  seq: 0,
  ack: 0,
  maskAt: 0,
  maskLength: 0,
  payloadAt: 0,
});

/** How far `a` is after `b` on the circle of 2^16: negative when it is before. */
export const seqDistance = (a: number, b: number): number => ((a - b) << 16) >> 16;

/** The sequence number `by` after `seq`. */
export const seqAfter = (seq: number, by: number): number => (seq + by) & 0xffff;

const typeOf = (first: number): UtpType | undefined => {
  switch (first >>> 4) {
    case UtpType.Data:
      return UtpType.Data;
    case UtpType.Fin:
      return UtpType.Fin;
    case UtpType.State:
      return UtpType.State;
    case UtpType.Reset:
      return UtpType.Reset;
    case UtpType.Syn:
      return UtpType.Syn;
    default:
      return undefined;
  }
};

const u16 = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
const u32 = (bytes: Uint8Array, at: number): number => ((u16(bytes, at) << 16) | u16(bytes, at + 2)) >>> 0;

const putU16 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
};
const putU32 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
};

/** Whether a datagram of the shared port is uTP's: long enough, version 1 and a known type (BEP 29). */
export const isUtp = (bytes: Uint8Array): boolean =>
  bytes.length >= UTP_HEADER_LENGTH && ((bytes[0] ?? 0) & 0x0f) === VERSION && typeOf(bytes[0] ?? 0) !== undefined;

/** Reads a packet; `false` when it is not a well-formed one, and `into` is then of no use. Unknown extensions are skipped. */
export const decodeUtp = (bytes: Uint8Array, into: UtpPacket): boolean => {
  const first = bytes[0] ?? 0;
  const type = typeOf(first);
  if (bytes.length < UTP_HEADER_LENGTH || (first & 0x0f) !== VERSION || type === undefined) return false;
  into.type = type;
  into.connectionId = u16(bytes, 2);
  into.timestamp = u32(bytes, 4);
  into.timestampDifference = u32(bytes, 8);
  into.window = u32(bytes, 12);
  into.seq = u16(bytes, 16);
  into.ack = u16(bytes, 18);
  into.maskAt = 0;
  into.maskLength = 0;
  let at = UTP_HEADER_LENGTH;
  for (let extension = bytes[1] ?? 0; extension !== 0;) {
    const length = bytes[at + 1];
    if (length === undefined || at + 2 + length > bytes.length) return false;
    if (extension === SELECTIVE_ACK && length % 4 === 0) {
      into.maskAt = at + 2;
      into.maskLength = length;
    }
    extension = bytes[at] ?? 0;
    at += 2 + length;
  }
  into.payloadAt = at;
  return true;
};

/** Writes a header without extensions to the first 20 bytes. */
export const writeUtpHeader = (bytes: Uint8Array, header: UtpHeader): void => {
  bytes[0] = (header.type << 4) | VERSION;
  bytes[1] = 0;
  putU16(bytes, 2, header.connectionId);
  putU32(bytes, 12, header.window);
  putU16(bytes, 16, header.seq);
  putU16(bytes, 18, header.ack);
  writeUtpTimes(bytes, header.timestamp, header.timestampDifference);
};

/** Writes what is new each time that a packet is sent: its times. */
export const writeUtpTimes = (bytes: Uint8Array, timestamp: number, timestampDifference: number): void => {
  putU32(bytes, 4, timestamp);
  putU32(bytes, 8, timestampDifference);
};

/** Writes what a packet that is sent again says of the other direction: what we take and what we have. */
export const writeUtpAck = (bytes: Uint8Array, window: number, ack: number): void => {
  putU32(bytes, 12, window);
  putU16(bytes, 18, ack);
};

/** A packet without payload, with a selective ack where there is one to tell. */
export const encodeUtp = (header: UtpHeader, mask?: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(UTP_HEADER_LENGTH + (mask === undefined ? 0 : 2 + mask.length));
  writeUtpHeader(bytes, header);
  if (mask !== undefined) {
    bytes[1] = SELECTIVE_ACK;
    bytes[UTP_HEADER_LENGTH + 1] = mask.length;
    bytes.set(mask, UTP_HEADER_LENGTH + 2);
  }
  return bytes;
};

/**
 * The selective ack of a receiver that has all up to `ack`: bit 0 of byte 0 stands for `ack + 2`. `furthest` is how far after `ack` the
 * last packet is that it has; those that the mask cannot hold are left out.
 */
export const selectiveAck = (ack: number, furthest: number, has: (seq: number) => boolean): Uint8Array | undefined => {
  if (furthest < 2) return undefined;
  const mask = new Uint8Array(Math.min(Math.ceil((furthest - 1) / 32) * 4, MAX_MASK_LENGTH));
  for (let bit = 0; bit < mask.length * 8 && bit <= furthest - 2; bit++)
    if (has(seqAfter(ack, bit + 2))) mask[bit >>> 3] = (mask[bit >>> 3] ?? 0) | (1 << (bit & 7));
  return mask;
};
