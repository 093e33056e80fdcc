/**
 * The messages by which peers exchange the info dictionary (BEP 9): a bencoded dictionary, and in `data` the bytes right after it.
 * Which size and which bytes to believe is decided elsewhere.
 */
import type * as Option from "effect/Option";
import * as Result from "effect/Result";
import * as Bencode from "./bencode.ts";
import * as Dictionary from "./dictionary.ts";
import type { WireViolation } from "./errors/PeerError.ts";

/** Bytes of one piece of the metadata, but for the last (BEP 9). */
export const METADATA_PIECE_LENGTH = 16_384;
/** Bytes that the dictionary may take; honest ones take about 50. */
const MAX_DICTIONARY_LENGTH = 1024;
const LIMITS: Bencode.DecodeOptions = {
  maxLength: MAX_DICTIONARY_LENGTH + METADATA_PIECE_LENGTH,
  maxDepth: 8,
  maxTokens: 64,
};

/** A `ut_metadata` message. `piece` is an index, whatever the number of pieces. */
export type UtMetadataMessage =
  | { readonly _tag: "Request"; readonly piece: number }
  /** `totalSize`: bytes of the whole, as claimed. `data`: at most `METADATA_PIECE_LENGTH` bytes. */
  | { readonly _tag: "Data"; readonly piece: number; readonly totalSize: number; readonly data: Uint8Array }
  | { readonly _tag: "Reject"; readonly piece: number };

const MESSAGE_TYPE = { Request: 0, Data: 1, Reject: 2 } as const;

/** The payload of a message. */
export const encodeUtMetadata = (message: UtMetadataMessage): Uint8Array => {
  const head = Bencode.encode(
    Dictionary.make({
      msg_type: MESSAGE_TYPE[message._tag],
      piece: message.piece,
      total_size: message._tag === "Data" ? message.totalSize : undefined,
    }),
  );
  if (message._tag !== "Data") return head;
  const bytes = new Uint8Array(head.length + message.data.length);
  bytes.set(head);
  bytes.set(message.data, head.length);
  return bytes;
};

const refuse = (why: string): Result.Result<never, WireViolation> =>
  Result.fail({ _tag: "BadExtension", name: "ut_metadata", why });

/** Reads a payload; none for a kind of message that is not known, which is to be ignored (BEP 9). `data` is a view of `payload`. */
export const decodeUtMetadata = (
  payload: Uint8Array,
): Result.Result<Option.Option<UtMetadataMessage>, WireViolation> => {
  const decoded = Bencode.decodePrefix(payload, LIMITS);
  if (Result.isFailure(decoded)) return refuse(decoded.failure.message);
  const { end, value } = decoded.success;
  if (!Bencode.isDictionary(value)) return refuse("not a dictionary");
  const type = Dictionary.integer(value, "msg_type");
  if (type === undefined) return refuse("no msg_type");
  if (type !== MESSAGE_TYPE.Request && type !== MESSAGE_TYPE.Data && type !== MESSAGE_TYPE.Reject) {
    return Result.succeedNone;
  }
  const piece = Dictionary.integer(value, "piece");
  if (piece === undefined || piece < 0) return refuse("no piece");
  if (type === MESSAGE_TYPE.Request) return Result.succeedSome({ _tag: "Request", piece });
  if (type === MESSAGE_TYPE.Reject) return Result.succeedSome({ _tag: "Reject", piece });
  const totalSize = Dictionary.integer(value, "total_size");
  if (totalSize === undefined || totalSize <= 0) return refuse("no total_size");
  const data = payload.subarray(end);
  if (data.length === 0 || data.length > METADATA_PIECE_LENGTH) return refuse(`a piece of ${data.length} bytes`);
  return Result.succeedSome({ _tag: "Data", piece, totalSize, data });
};
